package oxbowtest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// Recorder notes what is published and stored, in order. It stands where a publisher is asked for, or listens to a real one:
//
//	httpevent.New(rec, …)                                          // it is an httpevent.Publisher
//	cqrs.Config{Committer: rec}                                    // with RecorderConfig.Committer, it passes on what it notes
//	service.New(rec.AsApp())                                       // what an oxbow.App has: Publish with a receipt, and Commit
//	b.SubscribeTopic("**", rec.Deliver)                            // hears what is published on a bus, or by an app
//	oxbow.New(driver, oxbow.Config{Hooks: rec.Hooks()})            // hears what an app stores, from whomever it comes
//	store.New(driver, store.Config{Hook: rec.StoreHook()})
//
// An event that it hears of in two ways is noted once. Make one with NewRecorder. Its methods may be called at the same time.
type Recorder struct {
	cfg   RecorderConfig
	store *store.Store // behind Commit, unless there is a Committer

	mu       sync.Mutex
	fail     func(event.Event[any]) error
	noted    []event.Event[any]
	places   map[event.ID][]int          // in noted
	heard    map[string]map[event.ID]int // how often, by the way in which
	commits  []store.Commit
	stored   map[event.ID]int  // how often it is in commits
	receipts map[uint64]string // the way in which a revision of items was heard of
	more     chan struct{}     // closed and replaced with each change
}

// RecorderConfig is how a recorder works; the zero RecorderConfig does.
type RecorderConfig struct {
	Registry *event.Registry // decodes what is committed; default: one that reads JSON
	// Publisher gets what is published, after it was noted: a *bus.Bus, say. Default: nobody.
	Publisher Publisher
	// Committer gets what is committed: a *store.Store or an *oxbow.App. What it refuses is not noted. Default: a store in memory of the
	// recorder's own, so that receipts, conditions and repeated commits are as real ones are.
	Committer Committer
}

// Publisher is what a *bus.Bus and an httpevent.Publisher are.
type Publisher interface {
	Publish(ctx context.Context, data any, opts ...event.Option) error
}

// Committer is what a *store.Store and an *oxbow.App are.
type Committer interface {
	Commit(ctx context.Context, c store.Commit) (store.Receipt, error)
}

// NewRecorder returns a recorder that has noted nothing.
func NewRecorder(cfg RecorderConfig) *Recorder {
	if cfg.Registry == nil {
		cfg.Registry = &event.Registry{}
	}
	r := &Recorder{
		cfg: cfg, more: make(chan struct{}), places: map[event.ID][]int{}, heard: map[string]map[event.ID]int{},
		stored: map[event.ID]int{}, receipts: map[uint64]string{},
	}
	if cfg.Committer == nil {
		r.store = store.New(memory.New(), store.Config{Registry: cfg.Registry})
		r.cfg.Committer = r.store
	}
	return r
}

// FailWith has fn asked about each event before it is noted. Its error is returned to who publishes or commits the event, and then
// nothing is noted. A nil fn ends that. What the recorder only listens to cannot fail so.
func (r *Recorder) FailWith(fn func(e event.Event[any]) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = fn
}

func (r *Recorder) refusal(e event.Event[any]) error {
	r.mu.Lock()
	fail := r.fail
	r.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(e)
}

// note adds an event that was heard of in one way. The n-th time that it is heard of so is the n-th time that it happened, whatever
// other ways tell.
func (r *Recorder) note(way string, events ...event.Event[any]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.heard[way] == nil {
		r.heard[way] = map[event.ID]int{}
	}
	for _, e := range events {
		n := r.heard[way][e.ID]
		r.heard[way][e.ID] = n + 1
		if at := r.places[e.ID]; n < len(at) {
			r.complete(&r.noted[at[n]], e)
			continue
		}
		r.places[e.ID] = append(r.places[e.ID], len(r.noted))
		r.noted = append(r.noted, e)
	}
	r.changed()
}

// complete adds what another way of hearing of the event tells.
func (r *Recorder) complete(noted *event.Event[any], e event.Event[any]) {
	if noted.Position == 0 {
		noted.Place = e.Place
	}
	if _, raw := noted.Data.([]byte); raw {
		noted.Data = e.Data
	}
}

func (r *Recorder) changed() {
	close(r.more)
	r.more = make(chan struct{})
}

// Events returns what was noted, in order: as it was published; and what was heard of as stored bytes, decoded.
func (r *Recorder) Events() []event.Event[any] {
	events, _ := r.state()
	return events
}

func (r *Recorder) state() (events []event.Event[any], more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.noted), r.more
}

// Commits returns the commits that were noted, in order, with their conditions and items, and their events with their places.
func (r *Recorder) Commits() []store.Commit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.commits)
}

// Reset forgets what was noted.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.noted, r.commits = nil, nil
	clear(r.places)
	clear(r.heard)
	clear(r.stored)
	clear(r.receipts)
	r.changed()
}

// Published returns the events of T's event type that were noted, in order, whatever Go type they were published with. It panics when
// one cannot be converted to T.
func Published[T any](r *Recorder) []event.Event[T] {
	events, err := typed[T](r.cfg.Registry, r.Events())
	if err != nil {
		panic("oxbowtest: " + err.Error())
	}
	return events
}

func typed[T any](reg *event.Registry, events []event.Event[any]) (found []event.Event[T], err error) {
	d, err := event.Describe(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if e.Type != d.Type && !reg.Moved(e.Type) {
			continue
		}
		if same, ok := event.As[T](e); ok {
			found = append(found, same)
			continue
		}
		rec, err := reg.Encode(e)
		if err == nil {
			rec, err = reg.Lift(rec)
		}
		if err == nil && rec.Type != d.Type {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("event %v: %w", e.ID, err)
		}
		converted, err := event.DecodeAs[T](reg, rec)
		if err != nil {
			return nil, fmt.Errorf("event %v: %w", e.ID, err)
		}
		found = append(found, converted)
	}
	return found, nil
}

// Wait returns the events of T's event type once there are at least n of them. When ctx ends before, the error says what there is
// instead.
func Wait[T any](ctx context.Context, r *Recorder, n int) ([]event.Event[T], error) {
	for {
		events, more := r.state()
		found, err := typed[T](r.cfg.Registry, events)
		if err != nil || len(found) >= n {
			return found, err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return found, r.waited(ctx, fmt.Sprintf("%d of %T", n, *new(T)), len(found))
		}
	}
}

// Wait returns all events once there are at least n of them; see the function Wait.
func (r *Recorder) Wait(ctx context.Context, n int) ([]event.Event[any], error) {
	for {
		events, more := r.state()
		if len(events) >= n {
			return events, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return events, r.waited(ctx, fmt.Sprint(n), len(events))
		}
	}
}

func (r *Recorder) waited(ctx context.Context, want string, got int) error {
	return fmt.Errorf("waited for %s events, and there are %d: %w\n%s", want, got, ctx.Err(), r.account())
}
