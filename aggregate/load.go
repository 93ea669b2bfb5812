package aggregate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Loaded is an aggregate as it stood after one of its events. The state is the caller's own.
type Loaded[S any] struct {
	State    S
	Revision uint64         // of the newest event in the state, which is the number of events ever; 0: it does not exist
	Position store.Position // of that event
}

// Load returns an aggregate as it is now. One that does not exist has revision 0 and the initial state, and that is no error.
func (r *Repository[S, C]) Load(ctx context.Context, id string) (Loaded[S], error) {
	h, err := r.replay(ctx, id, forever)
	if err != nil {
		return Loaded[S]{}, err
	}
	r.noteDue(id, h)
	return h.Loaded, nil
}

// LoadAt returns an aggregate as it was at a revision. One that it has not reached is refused. For one from before its stream was
// deleted, the error answers to ErrGone.
func (r *Repository[S, C]) LoadAt(ctx context.Context, id string, revision uint64) (Loaded[S], error) {
	h, err := r.replay(ctx, id, limit{revision: revision})
	switch {
	case err != nil:
	case revision > 0 && revision <= h.base && h.Revision == 0:
		err = &GoneError{Stream: r.Stream(id), First: 1, Last: h.base}
	case h.Revision < revision:
		err = event.Invalid("revision", "is %d, and %s is at revision %d", revision, r.Stream(id), h.Revision)
	}
	if err != nil {
		return Loaded[S]{}, err
	}
	return h.Loaded, nil
}

// LoadAsOf returns an aggregate as it was at a time: with all events before the first that happened after it. One whose stream was
// deleted since did not exist before that.
func (r *Repository[S, C]) LoadAsOf(ctx context.Context, id string, at time.Time) (Loaded[S], error) {
	if at.IsZero() {
		return Loaded[S]{}, event.Invalid("time", "is missing")
	}
	h, err := r.replay(ctx, id, limit{revision: math.MaxUint64, time: at})
	if err != nil {
		return Loaded[S]{}, err
	}
	return h.Loaded, nil
}

// limit is how far to replay.
type limit struct {
	revision uint64
	time     time.Time // zero: any
}

var forever = limit{revision: math.MaxUint64}

func (l limit) includes(revision uint64, at time.Time) bool {
	return revision <= l.revision && (l.time.IsZero() || !at.After(l.time))
}

// history is the state, and how it came about.
type history[S any] struct {
	Loaded[S]
	base   uint64    // the revision that it begins after: of a snapshot, else of the stream's deletion, else 0
	events uint64    // since then
	oldest time.Time // when the first event after that happened
	latest time.Time // when the last of all events happened, by their own account
	last   event.ID  // of the newest event
}

// next returns the revision of the event that follows.
func (h *history[S]) next() uint64 { return max(h.Revision, h.base) + 1 }

var errForeign = errors.New("the snapshot is not of this stream")

// replayAttempts is how often a history is read when the stream's metadata change meanwhile.
const replayAttempts = 10

// replay returns the history up to the limit, from a snapshot if there is one that serves.
func (r *Repository[S, C]) replay(ctx context.Context, id string, to limit) (*history[S], error) {
	stream, err := r.stream(id)
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		m, err := r.retentionOf(ctx, stream)
		if err != nil {
			return nil, err
		}
		h, err := r.replayWith(ctx, id, m, to)
		if !errors.Is(err, ErrGone) || attempt == replayAttempts || !r.changed(ctx, m) {
			return h, err
		}
	}
}

func (r *Repository[S, C]) replayWith(ctx context.Context, id string, m retention, to limit) (*history[S], error) {
	h, err := r.remember(ctx, id, m, to)
	if err != nil {
		return nil, err
	}
	if h != nil {
		if err = r.goOn(ctx, h, m, to); !errors.Is(err, errForeign) {
			return h, err
		}
	}
	h = &history[S]{Loaded: Loaded[S]{State: r.decider.initial()}, base: m.meta.Deleted}
	return h, r.goOn(ctx, h, m, to)
}

// goOn applies the events after h. When h is a snapshot, the event that it ends with is read too: it must be the same one, or gone.
func (r *Repository[S, C]) goOn(ctx context.Context, h *history[S], m retention, to limit) error {
	q := store.Query{Any: []store.Filter{{Stream: m.stream, AfterRevision: h.base}}}
	proven := h.Revision == 0
	if !proven {
		q.Any[0].AfterRevision, q.After = h.base-1, h.Position-1
	}
	for rec, err := range r.store.Read(ctx, q) {
		if err != nil {
			return fmt.Errorf("read %s after revision %d: %w", m.stream, h.Revision, err)
		}
		if !proven {
			proven = true
			if rec.Revision == h.base && rec.ID == h.last {
				continue
			}
			if !m.forgets() || rec.Revision <= h.base {
				return errForeign
			}
		}
		if next := h.next(); rec.Revision > next && next <= to.revision {
			return &GoneError{Stream: m.stream, First: next, Last: rec.Revision - 1}
		}
		if !to.includes(rec.Revision, rec.Time) {
			return nil
		}
		if err := r.apply(h, rec); err != nil {
			return err
		}
	}
	if !proven && m.newest != h.base {
		return errForeign
	}
	if next := h.next(); next <= min(m.newest, to.revision) {
		return &GoneError{Stream: m.stream, First: next, Last: m.newest}
	}
	return nil
}

// apply changes the history by the record that follows.
func (r *Repository[S, C]) apply(h *history[S], rec event.Record) error {
	lifted, err := r.store.Registry().Lift(rec)
	if err != nil {
		return fmt.Errorf("%s at revision %d: %w", rec.Stream, rec.Revision, err)
	}
	if !r.events[lifted.Type] {
		if slices.Contains(r.cfg.Ignore, lifted.Type) || slices.Contains(r.cfg.Ignore, rec.Type) {
			h.count(rec)
			return nil
		}
		return &UnknownEventError{Stream: rec.Stream, Type: lifted.Type, Revision: rec.Revision, Position: rec.Position}
	}
	e, err := r.store.Decode(lifted)
	if err != nil {
		return fmt.Errorf("%s at revision %d: %w", rec.Stream, rec.Revision, err)
	}
	h.count(rec)
	h.State = r.evolved(h.State, e)
	return nil
}

// evolved returns the state after an event, which gets no position: when it was decided it had none.
func (r *Repository[S, C]) evolved(state S, e event.Event[any]) S {
	e.Position = 0
	return r.decider.after(state, e)
}

// count notes that the record is in the state.
func (h *history[S]) count(rec event.Record) {
	if h.events++; h.events == 1 {
		h.oldest = rec.Time
	}
	if rec.Time.After(h.latest) {
		h.latest = rec.Time
	}
	h.Revision, h.Position, h.last = rec.Revision, rec.Position, rec.ID
}
