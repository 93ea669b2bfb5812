package cqrs

import (
	"context"
	"errors"
	"reflect"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// CommandBus takes each command to its one handler, and appends what the handler decided. Make one with NewCommandBus. Its methods,
// and the functions that take it, may be called at the same time: a handler gets the commands that are sent after it was registered.
type CommandBus struct {
	desk
	store *store.Store
	cfg   Config
	turns turns
}

// NewCommandBus returns a command bus over a store. The store may be nil: then handlers return no events, and commands have no
// idempotency keys.
func NewCommandBus(st *store.Store, cfg Config) (*CommandBus, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if st == nil && cfg.Committer != nil {
		return nil, event.Invalid("store", "is nil, and there is a Committer; give the store that it writes to")
	}
	if cfg.Committer == nil {
		cfg.Committer = st
	}
	b := &CommandBus{store: st, cfg: cfg}
	b.desk = desk{kind: middleware.Command, around: around(cfg.Logger, cfg.NoLogging, cfg.Middleware)}
	return b, nil
}

// Types returns the Go types of the commands that have a handler, by their names.
func (b *CommandBus) Types() map[string]reflect.Type { return b.types() }

// Decode returns JSON as a command of the type with that name, ready to be sent: for programs that get commands from elsewhere.
// The error of an unknown name is [ErrNoHandler]; what does not fit the type answers to event.ErrInvalid.
func (b *CommandBus) Decode(name string, data []byte) (any, error) { return b.decode(name, data) }

// Reply is what became of a command.
type Reply struct {
	Result   any           // of the handler; None when it has none
	ID       event.ID      // the command's, which its events name as their cause
	Receipt  store.Receipt // where its events stand; zero when there are none; when Repeated, their positions only
	Repeated bool          // it had happened before, with the same key: this is what came of it then, and nothing was done now
}

// Send takes a command, or a pointer to one, to its handler, and returns the result as R, which is the type that the handler
// answers with, an interface that it implements, or any. When R is neither, the handler is not called.
//
// An error of the handler is returned as it is. The other errors answer to [ErrNoHandler], [ErrForbidden], [ErrKeyUsed],
// event.ErrInvalid (the command or what came of it), or what the store says, such as store.ErrConflict. A panic is a [*middleware.PanicError].
// A [*DoneError] with the command's id comes beside the result: the command was done, and something that follows from it failed.
func Send[R any](ctx context.Context, b *CommandBus, command any, opts ...SendOption) (R, error) {
	reply, err := b.send(ctx, command, reflect.TypeFor[R](), opts)
	result, _ := reply.Result.(R)
	return result, err
}

// Send is the function Send for who wants to know more than the result, or does not know its type.
func (b *CommandBus) Send(ctx context.Context, command any, opts ...SendOption) (Reply, error) {
	return b.send(ctx, command, anything, opts)
}

var anything = reflect.TypeFor[any]()

func (b *CommandBus) send(ctx context.Context, command any, asked reflect.Type, opts []SendOption) (Reply, error) {
	h, data, err := b.find(command)
	if err != nil {
		return Reply{}, err
	}
	if err := h.answers(b.kind, asked); err != nil {
		return Reply{}, err
	}
	s := b.begin(ctx, h, data)
	if err := s.apply(opts); err != nil {
		return Reply{}, err
	}
	s.inherit()
	result, err := s.run(h)
	if done := s.outcome(); done.after != nil {
		err = errors.Join(err, s.wasDone(done.after))
	}
	if b.cfg.Audit != nil {
		err = b.audited(s, err)
	}
	return s.reply(result), err
}

// wasDone says that the command was done, and what failed after it.
func (s *sending) wasDone(failed error) error {
	return &DoneError{Name: s.meta.Type, ID: s.meta.ID, Err: failed}
}

// apply notes what the sender asked for.
func (s *sending) apply(opts []SendOption) error {
	if len(opts) == 0 {
		return nil
	}
	o := gather(opts)
	if o.keyed {
		if err := event.CheckName("key", o.key); err != nil {
			return err
		}
	}
	if !o.id.IsZero() {
		s.meta.ID = o.id
	}
	s.key = o.key
	return nil
}

func gather(opts []SendOption) (o sendOptions) {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

func (s *sending) reply(result any) Reply {
	done := s.outcome()
	return Reply{Result: result, ID: s.meta.ID, Receipt: done.receipt, Repeated: done.repeated}
}
