package aggregate

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// eventID returns the id of the event that comes so many after those that the transaction has: one derived from the command's, or
// none without a command id. Numbering them over all streams lets one look-up find a commit, whatever it wrote to.
func (tx *Tx) eventID(ahead int) event.ID {
	if tx.command.IsZero() {
		return event.ID{}
	}
	return commandEvent(tx.command, len(tx.commit.Events)+ahead)
}

func commandEvent(command event.ID, n int) event.ID {
	return command.Derive("oxbow.aggregate/" + strconv.Itoa(n+1))
}

// before returns what the command led to if it was executed before. Appending those events again is what makes the store, whose
// answer counts, return their first receipt.
func (tx *Tx) before(ctx context.Context) (outcome, error) {
	if tx.command.IsZero() {
		return outcome{}, nil
	}
	records, err := stored(ctx, tx.store, func(n int) event.ID { return commandEvent(tx.command, n) })
	if err != nil || records == nil {
		return outcome{}, err
	}
	receipt, err := tx.store.Commit(ctx, store.Commit{Events: records})
	if errors.Is(err, store.ErrConflict) {
		return outcome{}, fmt.Errorf("the command was executed before: some of its %w", ErrGone) // so that these are not all of the commit
	}
	return outcome{receipt, records}, err
}

// repeated returns the outcome of a commit that the store has had before: the same command at the same time, or events that were
// decided with ids of their own.
func (tx *Tx) repeated(ctx context.Context, receipt store.Receipt) (outcome, error) {
	records, err := stored(ctx, tx.store, func(n int) event.ID {
		if n < len(tx.commit.Events) {
			return tx.commit.Events[n].ID
		}
		return event.ID{}
	})
	return outcome{receipt, records}, err
}

// stored returns the records of a commit whose events have the ids that id returns for 0, 1, 2…; nil when there is none.
func stored(ctx context.Context, st *store.Store, id func(n int) event.ID) (records []event.Record, err error) {
	first, err := find(ctx, st, id(0))
	if err != nil || first == 0 {
		return nil, err
	}
	for rec, err := range st.Read(ctx, store.Query{After: first - 1, Limit: store.MaxEvents}) {
		if err != nil {
			return nil, err
		}
		if rec.ID != id(len(records)) {
			break
		}
		records = append(records, rec)
	}
	return records, nil
}

// find returns the position of an event, 0 when it is not in the store.
func find(ctx context.Context, st *store.Store, id event.ID) (at store.Position, err error) {
	for rec, err := range st.Read(ctx, store.Query{Any: []store.Filter{{ID: id}}, Limit: 1}) {
		if err != nil {
			return 0, err
		}
		at = rec.Position
	}
	return at, nil
}

// again returns the result of a command from the events that it once led to.
func (r *Repository[S, C]) again(ctx context.Context, id string, records []event.Record) (Result[S], error) {
	result := Result[S]{Repeated: true}
	for _, rec := range records {
		if rec.Stream != r.Stream(id) {
			return Result[S]{}, event.Invalid("command id", "was used for a command on %s; give each command an id of its own", rec.Stream)
		}
		e, err := r.store.Decode(rec)
		if err != nil {
			return Result[S]{}, err
		}
		result.Events = append(result.Events, e)
		result.Revision = rec.Revision
	}
	loaded, err := r.LoadAt(ctx, id, result.Revision)
	if err != nil {
		return Result[S]{}, err
	}
	result.Loaded = loaded
	return result, nil
}
