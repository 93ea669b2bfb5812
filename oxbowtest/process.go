package oxbowtest

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// What a part's store answers when something goes wrong.
var (
	errCrashed = errors.New("simulated crash: this process is no more")
	errStore   = errors.New("simulated error of the store: try again")
)

// process is a part between two crashes. It is the driver of the part's store.
type process struct {
	*memory.Memory
	part   *partRun
	opened event.ID
	number int                // of all processes of the trial
	since  time.Time          // when it began
	crash  context.CancelFunc // ends the run

	mu      sync.Mutex
	crashed bool
}

// Opened tells one process from the next, for drivers that one process alone can have open.
func (p *process) Opened() event.ID { return p.opened }

// Close does nothing: the world's store outlives the process.
func (p *process) Close() error { return nil }

// die makes everything fail from now on, as far as the store is concerned.
func (p *process) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.crashed = true
	p.crash()
}

func (p *process) alive() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.crashed {
		return errCrashed
	}
	return nil
}

// Append writes a commit, unless the plan says otherwise.
func (p *process) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if err := p.alive(); err != nil {
		return store.Receipt{}, err
	}
	call, _ := ctx.Value(callKey{}).(*handling)
	own := isOwn(&c)
	if own && p.part.late(ctx) {
		p.die()
		return store.Receipt{}, errCrashed
	}
	f := p.part.committing(call, own)
	switch f {
	case crashBefore:
		p.die()
		return store.Receipt{}, errCrashed
	case refuse:
		return store.Receipt{}, errStore
	}
	receipt, err := p.write(ctx, c)
	switch {
	case f == crashAfter:
		p.die()
		return store.Receipt{}, errCrashed
	case f == loseAnswer && err == nil:
		return store.Receipt{}, errStore
	}
	return receipt, err
}

// isOwn reports whether the commit is a consumer's or a projection's own, and not a handler's: it has items that are Oxbow's.
func isOwn(c *store.Commit) bool {
	for i := range c.Items {
		if strings.HasPrefix(c.Items[i].Bucket, "oxbow.") {
			return true
		}
	}
	return false
}

// write commits, and notes what is new in the world.
func (p *process) write(ctx context.Context, c store.Commit) (store.Receipt, error) {
	t := p.part.trial
	undo := t.labels.add(c.Events)
	receipt, err := p.Memory.Append(ctx, c)
	if err != nil || receipt.Repeated {
		undo()
		return receipt, err
	}
	t.wrote(p.part.index, &c)
	return receipt, nil
}

// Read yields records. A projection applies them right away, so that this is where its time passes.
func (p *process) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		if err := p.alive(); err != nil {
			yield(event.Record{}, err)
			return
		}
		for r, err := range p.Memory.Read(ctx, q) {
			if err == nil && p.part.kind == "projection" {
				p.part.begin(p, p.part.trial.labels.of(r.ID), 1)
				err = p.alive()
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Head returns the position of the newest record.
func (p *process) Head(ctx context.Context) (store.Position, error) {
	if err := p.alive(); err != nil {
		return 0, err
	}
	return p.Memory.Head(ctx)
}

// Wait returns when there is something new.
func (p *process) Wait(ctx context.Context, after store.Position) (store.Position, error) {
	if err := p.alive(); err != nil {
		return 0, err
	}
	return p.Memory.Wait(ctx, after)
}

// Get returns an item.
func (p *process) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	if err := p.alive(); err != nil {
		return store.Item{}, err
	}
	return p.Memory.Get(ctx, bucket, key)
}

// List yields items.
func (p *process) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		if err := p.alive(); err != nil {
			yield(store.Item{}, err)
			return
		}
		p.Memory.List(ctx, bucket, from, to)(yield)
	}
}

// around puts what a trial watches and does around a consumer's handlers.
func (p *process) around(cfg consumer.Config) consumer.Config {
	cfg.Middleware = append([]middleware.Func{p.watch}, cfg.Middleware...)
	cfg.Hook = &partHook{Hook: cfg.Hook, p: p}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// handling is one call of a handler.
type handling struct{ label string }

type callKey struct{}

func (p *process) watch(next middleware.Handler) middleware.Handler {
	return func(ctx context.Context, call *middleware.Call) (any, error) {
		label := p.part.trial.labels.of(call.Metadata.ID)
		defer p.part.busy()()
		p.part.begin(p, label, call.Attempt)
		if err := p.alive(); err != nil {
			return nil, err
		}
		result, err := next(context.WithValue(ctx, callKey{}, &handling{label}), call)
		if err != nil {
			return nil, err
		}
		p.part.pause(slow, label)
		p.part.succeeded(label)
		if _, ok := p.part.due(crashHandled, label); ok {
			p.die()
		}
		return result, nil
	}
}

// partHook notes which records a consumer gives up, and tells another hook.
type partHook struct {
	consumer.Hook
	p *process
}

func (h *partHook) Handle(ctx context.Context, name string, r *event.Record, n int) (context.Context, func(error)) {
	if h.Hook == nil {
		return ctx, nil
	}
	return h.Hook.Handle(ctx, name, r, n)
}

func (h *partHook) Retry(ctx context.Context, name string, r *event.Record, n int, after time.Duration, err error) {
	if h.Hook != nil {
		h.Hook.Retry(ctx, name, r, n, after, err)
	}
}

func (h *partHook) DeadLetter(ctx context.Context, name string, r *event.Record, n int, err error) {
	if h.p.alive() == nil {
		h.p.part.gaveUp(h.p.part.trial.labels.of(r.ID), err)
	}
	if h.Hook != nil {
		h.Hook.DeadLetter(ctx, name, r, n, err)
	}
}
