package oxbowtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// Epoch is when the first event that a [Builder] makes happened, unless it is told otherwise: the day before the clock of
// testing/synctest begins, so that in its bubbles given events are of the past.
var Epoch = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)

// ID returns the n-th of a fixed sequence of ids, each greater than those before: what [Builder] gives to the n-th event, counted from 1.
func ID(n int) event.ID {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(Epoch.UnixMilli())<<16|7<<12)
	binary.BigEndian.PutUint64(b[8:], 1<<63|uint64(n))
	return event.UUID(b)
}

// Event returns data with options, such as the stream that it goes to: one of the events that are given to [Store], to a [Builder], to a
// test in the form given, when, then, or that one of them is to have led to.
func Event(data any, opts ...event.Option) any { return withOptions{data, opts} }

type withOptions struct {
	data any
	opts []event.Option
}

func unwrap(given any) (data any, opts []event.Option) {
	if w, ok := given.(withOptions); ok {
		return w.data, w.opts
	}
	return given, nil
}

// Builder makes events and records whose ids and times are the same in each run of a test. The zero Builder works. Its methods may be
// called at the same time, but then it depends on chance which event gets which id.
type Builder struct {
	Start    time.Time       // when the first event happened; default Epoch
	Step     time.Duration   // from each to the next; default 1s
	Registry *event.Registry // encodes records; default: one that writes JSON

	mu        sync.Mutex
	made      int
	position  event.Position
	revisions map[string]uint64
}

// Event makes an event of anything that [event.New] or [Event] takes. An id and a time that it has are kept. It panics when the
// event is refused, which is a mistake of the test.
func (b *Builder) Event(given any, opts ...event.Option) event.Event[any] {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.event(given, opts)
	if err != nil {
		panic("oxbowtest: " + err.Error())
	}
	return e
}

// Record is Event, encoded, and placed as if it was the next one in a store that holds what this builder made records of before. A
// place that it has is kept.
func (b *Builder) Record(given any, opts ...event.Option) event.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := b.record(given, opts)
	if err != nil {
		panic("oxbowtest: " + err.Error())
	}
	return r
}

// Records is Record for several.
func (b *Builder) Records(given ...any) []event.Record {
	records := make([]event.Record, len(given))
	for i, g := range given {
		records[i] = b.Record(g)
	}
	return records
}

func (b *Builder) event(given any, opts []event.Option) (event.Event[any], error) {
	data, own := unwrap(given)
	b.made++
	n := b.made
	complete := func(e *event.Event[any]) {
		if e.ID.IsZero() {
			e.ID = ID(n)
		}
		if e.Time.IsZero() {
			e.Time = b.time(n)
		}
	}
	all := append(append(append([]event.Option{}, own...), opts...), complete)
	e, err := event.New(context.Background(), data, all...)
	if err != nil {
		return e, fmt.Errorf("event %d, a %T: %w", n, data, err)
	}
	return e, nil
}

func (b *Builder) time(n int) time.Time {
	start, step := b.Start, b.Step
	if start.IsZero() {
		start = Epoch
	}
	if step == 0 {
		step = time.Second
	}
	return start.Add(time.Duration(n-1) * step)
}

func (b *Builder) record(given any, opts []event.Option) (event.Record, error) {
	if r, ok := given.(event.Record); ok {
		return b.place(r), nil
	}
	e, err := b.event(given, opts)
	if err != nil {
		return event.Record{}, err
	}
	reg := b.Registry
	if reg == nil {
		reg = &event.Registry{}
	}
	r, err := reg.Encode(e)
	if err != nil {
		return event.Record{}, fmt.Errorf("event %d: %w", b.made, err)
	}
	return b.place(r), nil
}

// place tells where the record stands, unless it says so itself.
func (b *Builder) place(r event.Record) event.Record {
	if b.revisions == nil {
		b.revisions = map[string]uint64{}
	}
	if r.Position == 0 {
		r.Position = b.position + 1
	}
	if r.Revision == 0 {
		r.Revision = b.revisions[r.Stream] + 1
	}
	b.position, b.revisions[r.Stream] = r.Position, r.Revision
	return r
}
