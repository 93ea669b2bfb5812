package filelog

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// Append writes the commit and returns once it is on the disk. Commits that arrive while the disk is busy are written and synced
// together.
//
// When ctx ends while the commit is being written, Append returns at once and the commit may have happened; appending the same
// events again tells. After an error of the disk every Append returns an error that answers to store.ErrFailed until the log is
// opened anew.
func (l *Log) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if err := l.usable(ctx); err != nil {
		return store.Receipt{}, err
	}
	if err := c.Check(); err != nil {
		return store.Receipt{}, err
	}
	r, err := newRequest(&c)
	if err != nil {
		return store.Receipt{}, err
	}
	if l.sequencer.lead(r) {
		return l.receipt(r)
	}
	if err := l.queue.put(r); err != nil {
		return store.Receipt{}, err
	}
	select {
	case <-r.done:
		return l.receipt(r)
	case <-ctx.Done():
		if l.queue.withdraw(r) {
			return store.Receipt{}, ctx.Err()
		}
		return store.Receipt{}, fmt.Errorf("append: %w while the commit was being written; it may have happened", ctx.Err())
	}
}

// newRequest takes a copy of the commit, encoded here so that callers do it side by side.
func newRequest(c *store.Commit) (*request, error) {
	r := &request{
		conditions: cloneConditions(c.Conditions),
		events:     make([]index.Event, len(c.Events)),
		times:      make([]time.Time, len(c.Events)),
		items:      slices.Clone(c.Items),
		encoded:    make([]byte, 0, encodedSize(c)),
		ends:       make([]int, 0, len(c.Events)+len(c.Items)),
		done:       make(chan struct{}),
	}
	for i := range c.Events {
		e := &c.Events[i]
		r.events[i] = index.Event{ID: e.ID, Stream: e.Stream, Type: e.Type, Correlation: e.CorrelationID, Tags: slices.Clone(e.Tags)}
		r.times[i] = e.Time
		r.encoded = appendRecord(r.encoded, e)
		r.ends = append(r.ends, len(r.encoded))
	}
	for i := range r.items {
		r.items[i].Value = bytes.Clone(r.items[i].Value)
		r.encoded = appendItem(r.encoded, &r.items[i])
		r.ends = append(r.ends, len(r.encoded))
	}
	if r.bytes() > maxBody {
		return nil, event.Invalid("commit", "takes %d bytes in the log, the limit is %d; split it", r.bytes(), maxBody)
	}
	return r, nil
}

// encodedSize guesses, so that encoding seldom has to move what it has.
func encodedSize(c *store.Commit) (n int) {
	for i := range c.Events {
		n += len(c.Events[i].Data) + 256
	}
	for i := range c.Items {
		n += len(c.Items[i].Value) + len(c.Items[i].Bucket) + len(c.Items[i].Key) + 16
	}
	return n
}

func cloneConditions(conditions []store.Condition) []store.Condition {
	own := slices.Clone(conditions)
	for i := range own {
		own[i].Filters = slices.Clone(own[i].Filters)
		for j := range own[i].Filters {
			f := &own[i].Filters[j]
			f.Types, f.Tags = slices.Clone(f.Types), slices.Clone(f.Tags)
		}
	}
	return own
}

func (l *Log) receipt(r *request) (store.Receipt, error) {
	o := &r.outcome
	if o.err != nil {
		return store.Receipt{}, o.err
	}
	receipt := store.Receipt{
		First: o.first, Last: o.last, ItemRevision: o.itemRevision, Repeated: o.repeated, Durability: store.Fsynced,
	}
	if l.cfg.NoSync {
		receipt.Durability = store.InFile
	}
	if len(r.events) > 0 {
		receipt.Revisions = make(map[string]uint64, 1)
	}
	for i := range r.events {
		receipt.Revisions[r.events[i].Stream] = o.revisions[i]
	}
	return receipt, nil
}
