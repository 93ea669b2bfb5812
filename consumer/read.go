package consumer

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// page is how many records the reader hands to the board at once, if there are so many.
const page = 64

// reader hands records to the board. One reads for all slots.
type reader struct {
	*run
	generation uint64
	jobs       []*job // that were read, and not handed over yet
	places     []where
	spare      []*job
}

type where struct {
	slot int
	key  string
}

// errAgain ends a read because it is to begin again at another position.
var errAgain = errors.New("read again")

// read hands records to the board until ctx ends.
func (r *run) read(ctx context.Context) error {
	rd := &reader{run: r}
	defer context.AfterFunc(ctx, r.board.stopWaiting)()
	for {
		inner, after, generation, ok := r.board.reading(ctx)
		if !ok || ctx.Err() != nil {
			return nil
		}
		rd.generation = generation
		err := rd.readFrom(inner, after)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && inner.Err() == nil && !errors.Is(err, errAgain) {
			return err
		}
		rd.forget()
	}
}

// readFrom reads on and on.
func (rd *reader) readFrom(ctx context.Context, after store.Position) error {
	for {
		head, err := rd.store.Wait(ctx, after)
		if err != nil {
			return err
		}
		q := store.Query{Any: rd.filters, After: after, Before: head + 1}
		for rec, err := range rd.store.Read(ctx, q) {
			if err != nil {
				return err
			}
			if err := rd.take(rec); err != nil {
				return err
			}
		}
		if err := rd.handOver(); err != nil {
			return err
		}
		rd.board.passed(head, rd.generation)
		after = head
	}
}

// take notes a record, and hands over what there is when the page is full.
func (rd *reader) take(rec event.Record) error {
	slot, key, wanted, err := rd.place(&rec, len(rd.board.slots))
	if err != nil {
		return &HaltError{Consumer: "consumer " + rd.name, Record: rec, Attempts: 1, Err: err}
	}
	if !wanted {
		return nil
	}
	j := rd.fresh()
	*j = job{record: rec}
	if rd.routes.batches {
		if h, err := rd.routes.of(rd.store.Registry(), &rec); err == nil && h != nil && h.batch != nil {
			j.batch = h
		}
	}
	rd.jobs, rd.places = append(rd.jobs, j), append(rd.places, where{slot, key})
	if len(rd.jobs) < page {
		return nil
	}
	return rd.handOver()
}

func (rd *reader) fresh() *job {
	if len(rd.spare) == 0 {
		rd.spare = rd.board.reuse(rd.spare, page)
	}
	n := len(rd.spare)
	if n == 0 {
		return &job{}
	}
	j := rd.spare[n-1]
	rd.spare = rd.spare[:n-1]
	return j
}

func (rd *reader) handOver() error {
	if len(rd.jobs) == 0 {
		return nil
	}
	var ok bool
	if rd.spare, ok = rd.board.add(rd.jobs, rd.places, rd.spare, rd.generation); !ok {
		return errAgain
	}
	rd.jobs, rd.places = rd.jobs[:0], rd.places[:0]
	return nil
}

func (rd *reader) forget() {
	rd.jobs, rd.places = rd.jobs[:0], rd.places[:0]
}
