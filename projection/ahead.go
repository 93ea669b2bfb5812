package projection

import (
	"context"
	"iter"
	"runtime"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/task"
	"github.com/oxbow-events/oxbow/store"
)

const (
	partSize = 256     // records that one goroutine decodes at a time; fewer than two of them are decoded without another one
	maxBytes = 8 << 20 // of data in one batch, after which it is closed early
)

// span is a range of positions to apply, in batches of so many records.
type span struct {
	after, head store.Position
	size        int
	only        []store.Filter // events must match one of these, if there are any
	filters     []store.Filter // and so one of these, which batches sets
}

func (s span) query() store.Query {
	return store.Query{Any: s.filters, After: s.after, Before: s.head + 1, Limit: s.size}
}

// filtersAnd returns what the handlers are for and matches one of the filters, if there are any; some is false when nothing can.
func (h *handlers[X]) filtersAnd(only []store.Filter) (filters []store.Filter, some bool) {
	own := h.filters()
	if len(only) == 0 || own == nil {
		return slices.Concat(own, only), true
	}
	for _, f := range only {
		types := own[0].Types
		if len(f.Types) > 0 {
			types = slices.DeleteFunc(slices.Clone(f.Types), func(name string) bool { return !slices.Contains(types, name) })
		}
		if f.Types = types; len(types) > 0 {
			filters = append(filters, f)
		}
	}
	return filters, len(filters) > 0
}

// batch is what becomes one commit, or several when its handlers fail or change too much.
type batch[X any] struct {
	parts []*part[X]
	size  int            // records
	upTo  store.Position // that the batch stands for, also when it has no records
}

func (b *batch[X]) at(i int) (*part[X], int) { return b.parts[i/partSize], i % partSize }

func (b *batch[X]) record(i int) *event.Record {
	p, n := b.at(i)
	return &p.records[n]
}

// batches yields what is to be applied, in order, decoded. When there is much of it, batches are read and decoded ahead, by as
// many goroutines as there are cores, while the caller applies; all of them have ended when the iteration has.
func (h *handlers[X]) batches(ctx context.Context, st *store.Store, s span) iter.Seq2[*batch[X], error] {
	var some bool
	if s.filters, some = h.filtersAnd(s.only); !some {
		return func(func(*batch[X], error) bool) {}
	}
	if s.head-s.after < 2*partSize {
		return h.oneByOne(ctx, st, s)
	}
	return h.readAhead(ctx, st, s)
}

// oneByOne yields batches that it reads and decodes when they are asked for.
func (h *handlers[X]) oneByOne(ctx context.Context, st *store.Store, s span) iter.Seq2[*batch[X], error] {
	return func(yield func(*batch[X], error) bool) {
		for s.after < s.head {
			b, err := h.read(ctx, st, s, func() *part[X] { return &part[X]{} }, h.decode)
			if !yield(b, err) || err != nil {
				return
			}
			s.after = b.upTo
		}
	}
}

// read returns the next batch, whose parts it takes from room and hands to decode as they fill.
func (h *handlers[X]) read(
	ctx context.Context, st *store.Store, s span, room func() *part[X], decode func(*part[X]),
) (*batch[X], error) {
	b := &batch[X]{upTo: s.head}
	bytes := 0
	var p *part[X]
	for r, err := range st.Read(ctx, s.query()) {
		if err != nil {
			return nil, err
		}
		if p == nil {
			p = room()
			b.parts = append(b.parts, p)
		}
		p.records = append(p.records, r)
		b.size++
		if len(p.records) == partSize {
			decode(p)
			p = nil
		}
		if bytes += len(r.Data); b.size == s.size || bytes >= maxBytes {
			b.upTo = r.Position
			break
		}
	}
	if p != nil {
		decode(p)
	}
	return b, ctx.Err()
}

func (h *handlers[X]) readAhead(ctx context.Context, st *store.Store, s span) iter.Seq2[*batch[X], error] {
	return func(yield func(*batch[X], error) bool) {
		work, inner := task.New(ctx)
		inner, stop := context.WithCancel(inner)
		defer work.Wait() // its error has been yielded, or nobody wants it any more
		defer stop()
		encoded, ready := make(chan *part[X], 64), make(chan *batch[X], 1)
		used := make(chan *part[X], 128) // parts that may be used again; more of them are left to the garbage collector
		for range runtime.GOMAXPROCS(0) {
			work.Go(func() error {
				for p := range encoded {
					h.decode(p)
					close(p.ready)
				}
				return nil
			})
		}
		var failure error // is written before ready is closed
		work.Go(func() error {
			defer close(encoded)
			defer close(ready)
			failure = h.feed(inner, st, s, pipes[X]{encoded, ready, used})
			return nil
		})
		for b := range ready {
			for _, p := range b.parts {
				<-p.ready
			}
			if !yield(b, nil) {
				return
			}
			recycle(b, used)
		}
		if failure != nil {
			yield(nil, failure)
		}
	}
}

// pipes join those who read, decode and apply.
type pipes[X any] struct {
	encoded chan<- *part[X]
	ready   chan<- *batch[X]
	used    <-chan *part[X]
}

// room returns an empty part.
func (to *pipes[X]) room() *part[X] {
	select {
	case p := <-to.used:
		p.empty()
		p.ready = make(chan struct{})
		return p
	default:
		return &part[X]{records: make([]event.Record, 0, partSize), ready: make(chan struct{})}
	}
}

func recycle[X any](b *batch[X], used chan<- *part[X]) {
	for _, p := range b.parts {
		select {
		case used <- p:
		default:
			return
		}
	}
}

// feed reads batches and hands out their parts, which are decoded even after ctx has ended.
func (h *handlers[X]) feed(ctx context.Context, st *store.Store, s span, to pipes[X]) error {
	for s.after < s.head {
		b, err := h.read(ctx, st, s, to.room, func(p *part[X]) { to.encoded <- p })
		if err != nil {
			return err
		}
		select {
		case to.ready <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.after = b.upTo
	}
	return nil
}
