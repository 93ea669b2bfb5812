package aggregate

import (
	"context"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Result is what a command led to: the aggregate after it, and the events that were decided.
type Result[S any] struct {
	Loaded[S]
	Events   []event.Event[any] // in order, their data in the Go types of Decider.Events; none when there was nothing to change
	Repeated bool               // the command was executed before: this is what it led to then, and nothing was written now
}

// Execute loads an aggregate, decides, and appends the events if the aggregate is still as it was loaded. When it is not, Execute
// begins anew; when its attempts are spent it returns the conflict, which answers to store.ErrConflict. An error of Decide is returned
// as it is, at once. Without events nothing is written.
func (r *Repository[S, C]) Execute(ctx context.Context, id string, command C, opts ...Option) (Result[S], error) {
	var result Result[S]
	done, err := together(ctx, r.store, opts, func(tx *Tx) (err error) {
		result, err = r.ExecuteIn(ctx, tx, id, command)
		return err
	})
	if err != nil {
		return Result[S]{}, err
	}
	if done.stored != nil {
		return r.again(ctx, id, done.stored)
	}
	if done.receipt.Repeated {
		last := done.receipt.Revisions[r.Stream(id)]
		first := last - min(last, uint64(len(result.Events))) + 1
		return Result[S]{}, fmt.Errorf("the command was executed before: %w", &GoneError{Stream: r.Stream(id), First: first, Last: last})
	}
	result.place(done.receipt)
	return result, nil
}

// place tells where the events stand now that they are written.
func (res *Result[S]) place(receipt store.Receipt) {
	for i := range res.Events {
		e := &res.Events[i]
		e.Position = receipt.First + store.Position(i)
		e.Revision = receipt.Revisions[e.Stream] - uint64(len(res.Events)-1-i)
		res.Revision, res.Position = e.Revision, e.Position
	}
}

// ExecuteIn is Execute within a transaction: the events become part of its commit, and their positions are 0, since they are not known
// before that. A later ExecuteIn or LoadIn for the same aggregate goes on from these events.
func (r *Repository[S, C]) ExecuteIn(ctx context.Context, tx *Tx, id string, command C) (Result[S], error) {
	h, err := r.join(ctx, tx, id)
	if err != nil {
		return Result[S]{}, err
	}
	decided, err := r.decider.Decide(h.State, command)
	if err != nil {
		return Result[S]{}, err
	}
	var result Result[S]
	var records []event.Record
	for _, data := range decided {
		e, rec, err := r.encode(ctx, id, data, tx.eventID(len(records)))
		if err != nil {
			return Result[S]{}, err
		}
		rec.Revision = h.next() + uint64(len(records))
		e.Place = rec.Place
		records = append(records, rec)
		result.Events = append(result.Events, e)
	}
	for i, e := range result.Events {
		h.count(records[i])
		h.State = r.evolved(h.State, e)
	}
	tx.commit.Events = append(tx.commit.Events, records...)
	result.Loaded = h.Loaded
	return result, nil
}

// LoadIn is Load within a transaction, whose commit happens only if the aggregate is still as it was loaded.
func (r *Repository[S, C]) LoadIn(ctx context.Context, tx *Tx, id string) (Loaded[S], error) {
	h, err := r.join(ctx, tx, id)
	if err != nil {
		return Loaded[S]{}, err
	}
	return h.Loaded, nil
}

// join returns the history of an aggregate as the transaction has it.
func (r *Repository[S, C]) join(ctx context.Context, tx *Tx, id string) (*history[S], error) {
	if tx.store != r.store {
		return nil, event.Invalid("transaction", "is over another store than the repository of %s", r.name)
	}
	stream := r.Stream(id)
	if joined, ok := tx.joined[stream]; ok {
		h, ok := joined.(*history[S])
		if !ok {
			return nil, event.Invalid("transaction", "has %s with another type of state already", stream)
		}
		return h, nil
	}
	h, err := r.replay(ctx, id, forever)
	if err != nil {
		return nil, err
	}
	tx.joined[stream] = h
	tx.commit.Conditions = append(tx.commit.Conditions, store.AtRevision(stream, h.Revision))
	tx.after = append(tx.after, func() { r.noteDue(id, h) })
	return h, nil
}

// encode makes a decided event ready to be written, and returns it as it will be read.
func (r *Repository[S, C]) encode(ctx context.Context, id string, data any, eventID event.ID) (event.Event[any], event.Record, error) {
	none := event.Event[any]{}
	stream := r.Stream(id)
	var astray error
	e, err := event.New(ctx, data, func(e *event.Event[any]) {
		astray = checkPlace(e, stream, id)
		e.Stream, e.AggregateType, e.AggregateID = stream, r.name, id
		if !eventID.IsZero() {
			e.ID = eventID
		}
	})
	if err == nil {
		err = astray
	}
	if err != nil {
		return none, event.Record{}, fmt.Errorf("%s decided a %T: %w", stream, data, err)
	}
	if !r.events[e.Type] {
		return none, event.Record{}, &UnknownEventError{Stream: stream, Type: e.Type}
	}
	rec, err := r.store.Registry().Encode(e)
	if err == nil {
		e, err = r.store.Decode(rec)
	}
	if err != nil {
		return none, event.Record{}, fmt.Errorf("%s decided a %T: %w", stream, data, err)
	}
	return e, rec, nil
}

// checkPlace refuses an event that belongs to another aggregate by its own account.
func checkPlace(e *event.Event[any], stream, id string) error {
	if e.Stream != "" && e.Stream != stream {
		return event.Invalid("stream", "is %q; an aggregate decides events of its own stream only", e.Stream)
	}
	if e.AggregateID != "" && e.AggregateID != id {
		return event.Invalid("aggregate id", "is %q; an aggregate decides events about itself only", e.AggregateID)
	}
	return nil
}
