package projection

import (
	"context"
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
)

const (
	saveEvery = 1000        // positions without an event for this projection that alone are worth a commit
	saveAfter = time.Second // after which fewer of them are
)

var (
	errChanged  = errors.New("somebody else changed the state")
	errOutdated = errors.New("code of another version is active")
	errDone     = errors.New("what was to be done is done")
)

// work is what a run does while it has the projection's slot. Its methods are called by one goroutine, but for Gained, Changed
// and Release, which the lease calls.
type work[D any] struct {
	*Projection[D]
	engine engine[*Docs[D]]
	goal   func(*state) bool // when to end; nil: never
	end    func(error)       // ends the run

	slot  *lease.Slot
	ended chan struct{} // closed when the work on the slot has ended
	wake  signal

	state *state
	saved store.Position // of the live generation, in the item
	at    time.Time      // when it was saved
	docs  map[uint64]*Docs[D]

	sampled bool // whether the live indexes were compared with their functions

	inline inlineState // of an inline projection, as it was seen last
	tries  int         // to switch it
}

// Gained begins the work.
func (w *work[D]) Gained(ctx context.Context, s *lease.Slot) error {
	w.slot, w.ended = s, make(chan struct{})
	w.docs = map[uint64]*Docs[D]{}
	go func() {
		defer close(w.ended)
		if err := w.run(ctx); err != nil && ctx.Err() == nil {
			w.end(err)
		}
	}()
	return nil
}

// Changed makes the work look at the state again.
func (w *work[D]) Changed(*lease.Slot) { w.wake.set() }

// Release waits for the work.
func (w *work[D]) Release(*lease.Slot) {
	<-w.ended
	w.reached.set(false, 0)
	w.meter.rest()
}

func (w *work[D]) run(ctx context.Context) error {
	err := w.adopt()
	for err == nil {
		err = w.round(ctx)
		if errors.Is(err, errChanged) {
			if err = w.slot.Reload(ctx); err == nil {
				err = w.adopt()
			}
		}
		if err == nil && w.goal != nil && w.goal(w.state) {
			return errDone
		}
	}
	if errors.Is(err, lease.ErrLost) || errors.Is(err, errNotHeld) {
		return nil // the lease knows, or will at its next look
	}
	return err
}

// adopt takes over the state as it is saved.
func (w *work[D]) adopt() error {
	s, err := decodeState(w.name, w.slot.Data())
	if err != nil {
		return err
	}
	w.state, w.at = s, time.Now()
	for number, docs := range w.docs {
		docs.drop()
		if s == nil || number != s.Live.Number && (s.Next == nil || number != s.Next.Number) {
			delete(w.docs, number)
		}
	}
	if err := w.agree(); err != nil {
		return err
	}
	w.saved = w.state.Live.Position
	w.tell()
	return nil
}

// tell tells those who wait in this process where the documents stand.
func (w *work[D]) tell() {
	w.reached.set(w.state.Live.Version == w.cfg.Version && !w.cfg.Inline, w.state.Live.Position)
}

// round does all that there is to do, and waits for more.
func (w *work[D]) round(ctx context.Context) error {
	if w.wake.take() {
		return errChanged
	}
	if err := w.prepare(ctx); err != nil {
		return err
	}
	head, err := w.store.Head(ctx)
	if err != nil {
		return err
	}
	if err := w.follow(ctx, head); err != nil {
		return err
	}
	if w.builds() {
		busy, err := w.build(ctx, head)
		if busy || err != nil {
			return err
		}
	}
	if w.goal != nil && w.goal(w.state) {
		return nil
	}
	return w.wait(ctx, head)
}

// follow brings the live generation to the head, if the code is its code.
func (w *work[D]) follow(ctx context.Context, head store.Position) error {
	if w.cfg.Inline || w.state.Live.Version != w.cfg.Version {
		return nil
	}
	if w.state.Live.Position == 0 && w.builds() && !w.state.Next.ByHand {
		return nil // what is being built will take the place of nothing
	}
	err := w.advance(ctx, live, head, nil)
	if err != nil || w.state.Live.Position < w.saved+saveEvery && !w.overdue() {
		return err
	}
	return w.save(ctx, w.state.clone(), nil)
}

// overdue reports that positions passed since the last save should be saved now.
func (w *work[D]) overdue() bool {
	return w.state.Live.Position > w.saved && time.Since(w.at) >= saveAfter
}

// wait returns when there is more to do.
func (w *work[D]) wait(ctx context.Context, head store.Position) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	if !w.cfg.Inline && w.state.Live.Position > w.saved {
		waiting, cancel = context.WithTimeout(waiting, saveAfter-time.Since(w.at))
		defer cancel()
	}
	defer w.wake.call(cancel)()
	_, err := w.store.Wait(waiting, head)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// which says which generation of a state is meant.
type which func(*state) *generation

func live(s *state) *generation { return &s.Live }
func next(s *state) *generation { return s.Next }

// advance applies everything up to head to a generation. between, which may be nil, is called between two batches.
func (w *work[D]) advance(ctx context.Context, of which, head store.Position, between func() error) error {
	g := of(w.state)
	if g.Position >= head {
		return nil
	}
	t := &documents[D]{work: w, which: of, docs: w.docsOf(g)}
	s := span{after: g.Position, head: head, size: w.cfg.batch(head - g.Position)}
	ctxs := newContexts(ctx, 0)
	for b, err := range w.handlers.batches(ctx, w.store, s) {
		if err != nil {
			return err
		}
		ctxs.effects = w.effects()
		if err := w.engine.apply(ctx, &ctxs, t, b); err != nil {
			return err
		}
		of(w.state).Position = b.upTo
		w.tell()
		if w.wake.isSet() {
			return errChanged
		}
		if between == nil {
			continue
		}
		if err := between(); err != nil {
			return err
		}
	}
	return nil
}

// effects returns up to which position handlers are replaying.
func (w *work[D]) effects() store.Position {
	if w.cfg.Inline {
		return ^store.Position(0)
	}
	return w.state.Effects
}

func (w *work[D]) docsOf(g *generation) *Docs[D] {
	docs, ok := w.docs[g.Number]
	if !ok {
		docs = w.Projection.docs(g)
		w.docs[g.Number] = docs
	}
	return docs
}

// save commits a state in place of the one that is saved, with other writes.
func (w *work[D]) save(ctx context.Context, s *state, writes []store.ItemWrite, conditions ...store.Condition) error {
	_, err := w.saveAt(ctx, s, writes, conditions)
	return err
}

// saveAt is save, and returns the revision of the items written.
func (w *work[D]) saveAt(ctx context.Context, s *state, writes []store.ItemWrite, conditions []store.Condition) (revision uint64, err error) {
	data, err := s.encode()
	if err != nil {
		return 0, err
	}
	own, condition, err := w.slot.Write(data)
	if err != nil {
		return 0, err
	}
	receipt, err := w.store.Commit(ctx, store.Commit{Items: append(writes, own), Conditions: append(conditions, condition)})
	if err != nil {
		return 0, w.refused(ctx, err)
	}
	w.slot.Wrote(receipt.ItemRevision)
	w.state, w.saved, w.at = s, s.Live.Position, time.Now()
	return receipt.ItemRevision, nil
}

// refused returns what a commit's error means for the work.
func (w *work[D]) refused(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return errChanged
	case errors.Is(err, event.ErrInvalid):
		if again := w.slot.Reload(ctx); again != nil {
			return again
		}
		return &unfit{err}
	default:
		return err
	}
}

// documents is a generation as the target of events.
type documents[D any] struct {
	*work[D]
	which which
	docs  *Docs[D]
}

func (t *documents[D]) begin(context.Context) (*Docs[D], error) { return t.docs, nil }
func (t *documents[D]) full() bool                              { return t.docs.full() }
func (t *documents[D]) held() bool                              { return t.slot.Held() }
func (t *documents[D]) drop()                                   { t.docs.drop() }

func (t *documents[D]) commit(ctx context.Context, upTo store.Position, events int) error {
	writes, err := t.docs.writes(ctx)
	if err != nil {
		return err
	}
	s := t.state.clone()
	t.which(s).Position = upTo
	s.Effects = max(s.Effects, upTo)
	revision, err := t.saveAt(ctx, s, writes, nil)
	if err != nil {
		return err
	}
	t.meter.applied(events)
	return t.docs.saved(revision)
}

// note keeps the last failure for Stats.
func (w *work[D]) note(r event.Record, attempt int, err error) { w.meter.failed(r, attempt, err) }

func isHalt(err error) bool {
	_, ok := errors.AsType[*consumer.HaltError](err)
	return ok
}
