package projection

import (
	"context"
	"reflect"
	"runtime/debug"
	"slices"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
)

// handlers are the functions that apply events to an X: documents, or a transaction of a database.
type handlers[X any] struct {
	reg  *event.Registry
	list []handler[X]
	err  error // the first mistake in what was added
}

// handler is for the events of one type, or for every record.
type handler[X any] struct {
	eventType string
	events    func(room int) column[X]                             // nil: every record
	record    func(ctx context.Context, x X, r event.Record) error // when events is nil
}

// column holds events of one handler, decoded and not yet applied.
type column[X any] interface {
	decode(reg *event.Registry, r event.Record) error
	apply(ctx context.Context, x X, i int) error
	empty() // forgets what was decoded, and keeps the room
}

type typed[X, T any] struct {
	fn     func(ctx context.Context, x X, e event.Event[T]) error
	events []event.Event[T]
}

func (c *typed[X, T]) decode(reg *event.Registry, r event.Record) error {
	e, err := event.DecodeAs[T](reg, r)
	if err == nil {
		c.events = append(c.events, e)
	}
	return err
}

func (c *typed[X, T]) apply(ctx context.Context, x X, i int) error { return c.fn(ctx, x, c.events[i]) }

func (c *typed[X, T]) empty() {
	clear(c.events)
	c.events = c.events[:0]
}

// on adds a handler for the event type of T.
func on[X, T any](h *handlers[X], fn func(ctx context.Context, x X, e event.Event[T]) error) {
	h.add(reflect.TypeFor[T](), func(room int) column[X] { return &typed[X, T]{fn: fn, events: make([]event.Event[T], 0, room)} })
}

func (h *handlers[X]) add(t reflect.Type, events func(room int) column[X]) {
	d, err := event.Describe(t)
	if err == nil {
		err = h.reg.RegisterType(t)
	}
	h.mistake(err)
	h.list = append(h.list, handler[X]{eventType: d.Type, events: events})
}

func (h *handlers[X]) addAny(fn func(ctx context.Context, x X, r event.Record) error) {
	h.list = append(h.list, handler[X]{record: fn})
}

func (h *handlers[X]) mistake(err error) {
	if h.err == nil {
		h.err = err
	}
}

func (h *handlers[X]) check() error {
	if h.err != nil {
		return h.err
	}
	if len(h.list) == 0 {
		return event.Invalid("handlers", "there are none; add them with On, OnAny or Methods")
	}
	return nil
}

// filters returns what the handlers are for; nil means every event.
func (h *handlers[X]) filters() []store.Filter {
	if slices.ContainsFunc(h.list, func(h handler[X]) bool { return h.events == nil }) {
		return nil
	}
	return []store.Filter{{Types: h.sources()}}
}

// sources returns the types under which the events of handlers by type may be stored.
func (h *handlers[X]) sources() []string {
	var types []string
	for _, one := range h.list {
		if one.events != nil {
			types = append(types, h.reg.Sources(one.eventType)...)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// typeOf returns the type that the record is read as. One that no handler by type can be for is not lifted to find out.
func (h *handlers[X]) typeOf(r *event.Record) (string, error) {
	if !h.reg.Moved(r.Type) || !slices.Contains(h.sources(), r.Type) {
		return r.Type, nil
	}
	lifted, err := h.reg.Lift(*r)
	return lifted.Type, err
}

// part is some records in a row with what they were decoded to.
type part[X any] struct {
	records []event.Record
	calls   []call        // in order of record, then of handler
	first   []int         // by record, its first call; and at last where the calls end
	columns []column[X]   // by handler, nil when it has had no events
	counts  []int         // of events in columns
	failed  map[int]error // records that could not be decoded
	ready   chan struct{} // closed when it is decoded
}

type call struct{ handler, event int }

// decode fills a part from its records. A panic of the user's decoding becomes the record's failure.
func (h *handlers[X]) decode(p *part[X]) {
	if p.columns == nil {
		p.columns, p.counts = make([]column[X], len(h.list)), make([]int, len(h.list))
	}
	for i := range p.records {
		begin := len(p.calls)
		p.first = append(p.first, begin)
		if err := h.decodeOne(p, &p.records[i]); err != nil {
			p.calls = p.calls[:begin]
			p.fail(i, consumer.Permanent(err)) // the same bytes give the same error
		}
	}
	p.first = append(p.first, len(p.calls))
}

// empty forgets everything, and keeps the room. Handlers got copies.
func (p *part[X]) empty() {
	clear(p.records)
	clear(p.counts)
	p.records, p.calls, p.first, p.failed = p.records[:0], p.calls[:0], p.first[:0], nil
	for _, c := range p.columns {
		if c != nil {
			c.empty()
		}
	}
}

func (p *part[X]) fail(record int, err error) {
	if p.failed == nil {
		p.failed = map[int]error{}
	}
	p.failed[record] = err
}

func (h *handlers[X]) decodeOne(p *part[X], r *event.Record) (err error) {
	defer recovered(&err)
	eventType, err := h.typeOf(r)
	if err != nil {
		return err
	}
	for i := range h.list {
		one := &h.list[i]
		if one.events == nil {
			p.calls = append(p.calls, call{handler: i})
			continue
		}
		if one.eventType != eventType {
			continue
		}
		if p.columns[i] == nil {
			p.columns[i] = one.events(len(p.records))
		}
		if err := p.columns[i].decode(h.reg, *r); err != nil {
			return err
		}
		p.calls = append(p.calls, call{i, p.counts[i]})
		p.counts[i]++
	}
	return nil
}

// apply calls the handlers of one record of a part. A panic becomes a *middleware.PanicError.
func (h *handlers[X]) apply(ctx context.Context, x X, p *part[X], record int) (err error) {
	defer recovered(&err)
	if err := p.failed[record]; err != nil {
		return err
	}
	for _, c := range p.calls[p.first[record]:p.first[record+1]] {
		if fn := h.list[c.handler].record; fn != nil {
			err = fn(ctx, x, p.records[record])
		} else {
			err = p.columns[c.handler].apply(ctx, x, c.event)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// single returns a part of one record, decoded now: handlers may have changed what an earlier attempt was given.
func (h *handlers[X]) single(r event.Record) *part[X] {
	p := &part[X]{records: []event.Record{r}}
	h.decode(p)
	return p
}

// recovered turns a panic into err.
func recovered(err *error) {
	if v := recover(); v != nil {
		*err = &middleware.PanicError{Value: v, Stack: debug.Stack()}
	}
}
