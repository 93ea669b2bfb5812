package consumer

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// How many records the reader hands to the board at once, if there are so many: more only as long as somebody else is at the board.
const (
	minPage = 64
	maxPage = 4 * minPage
)

// reader hands records to the board. One reads for all slots.
type reader struct {
	*run
	page         // what was read, and is not handed over yet
	spare []*job // to be filled
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
		if err := rd.handOver(true); err != nil {
			return err
		}
		rd.board.passed(head, rd.generation)
		after = head
	}
}

// take notes a record, and hands over what there is when the page is full.
func (rd *reader) take(rec event.Record) error {
	j := rd.fresh()
	*j = job{record: rec}
	slot, key, wanted, err := rd.place(&j.record, len(rd.board.slots))
	if err != nil {
		return &HaltError{Consumer: "consumer " + rd.name, Record: j.record, Attempts: 1, Err: err}
	}
	if !wanted {
		rd.spare = append(rd.spare, j)
		return nil
	}
	if rd.routes.batches {
		if h, err := rd.routes.of(rd.store.Registry(), &j.record); err == nil && h != nil && h.batch != nil {
			j.batch = h
		}
	}
	rd.jobs, rd.places = append(rd.jobs, j), append(rd.places, where{slot, key})
	if len(rd.jobs) < minPage {
		return nil
	}
	return rd.handOver(len(rd.jobs) >= maxPage)
}

func (rd *reader) fresh() *job {
	n := len(rd.spare)
	if n == 0 {
		return &job{}
	}
	j := rd.spare[n-1]
	rd.spare = rd.spare[:n-1]
	return j
}

// handOver hands over what was read, or, unless it must, leaves that for later because somebody else is at the board.
func (rd *reader) handOver(must bool) error {
	if len(rd.jobs) == 0 {
		return nil
	}
	ok, tried := false, true
	if must {
		rd.spare, ok = rd.board.add(&rd.page, rd.spare)
	} else {
		rd.spare, ok, tried = rd.board.tryAdd(&rd.page, rd.spare)
	}
	switch {
	case !tried:
		return nil
	case !ok:
		return errAgain
	}
	rd.forget()
	return nil
}

func (rd *reader) forget() {
	rd.jobs, rd.places = rd.jobs[:0], rd.places[:0]
}
