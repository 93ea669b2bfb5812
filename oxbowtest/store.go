package oxbowtest

import (
	"context"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// Store returns a store in memory that holds the given events, in order: anything that [event.New] or [Event] takes, and records. Those
// without an id or a time get them from a [Builder]. It is closed when the test ends.
func Store(t testing.TB, given ...any) *store.Store {
	t.Helper()
	return StoreWith(t, store.Config{}, given...)
}

// StoreWith is Store with a registry that knows more than JSON, or with a hook.
func StoreWith(t testing.TB, cfg store.Config, given ...any) *store.Store {
	t.Helper()
	st := store.New(memory.New(), cfg)
	t.Cleanup(func() { st.Close() })
	if _, err := fill(st, &Builder{Registry: st.Registry()}, given); err != nil {
		t.Fatalf("oxbowtest: fill the store: %v", err)
	}
	return st
}

// fill appends the given events, each in a commit of its own so that there may be any number, and returns them as they are stored.
func fill(st *store.Store, b *Builder, given []any) ([]event.Record, error) {
	records := make([]event.Record, len(given))
	for i, g := range given {
		r, err := b.record(g, nil)
		if err != nil {
			return nil, err
		}
		receipt, err := st.Commit(context.Background(), store.Commit{Events: []event.Record{r}})
		if err != nil {
			return nil, fmt.Errorf("event %d, %s: %w", i+1, r.Type, err)
		}
		r.Position, r.Revision = receipt.First, receipt.Revisions[r.Stream]
		records[i] = r
	}
	return records, nil
}

// stored returns the records after a position.
func stored(st *store.Store, after store.Position) ([]event.Record, error) {
	var records []event.Record
	for r, err := range st.Read(context.Background(), store.Query{After: after}) {
		if err != nil {
			return nil, fmt.Errorf("read the store: %w", err)
		}
		records = append(records, r)
	}
	return records, nil
}
