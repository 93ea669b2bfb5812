package deadletter

import (
	"context"
	"iter"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// Letters are the dead letters of one consumer. Its methods may be called at the same time, also by several processes and while the
// consumer runs.
type Letters struct {
	store *store.Store
	name  string
}

// New returns the dead letters of a consumer. It reads nothing yet: a consumer that never had letters has none.
func New(st *store.Store, consumer string) (*Letters, error) {
	if err := parked.CheckName(consumer); err != nil {
		return nil, err
	}
	return &Letters{store: st, name: consumer}, nil
}

// Consumer returns the consumer's name.
func (l *Letters) Consumer() string { return l.name }

// Count says how many letters there are.
type Count struct {
	Letters uint64 `json:"letters"`
	Failed  uint64 `json:"failed"` // of the letters, those that do not wait behind another
	Bytes   uint64 `json:"bytes"`  // of their data
}

func countOf(c parked.Count) Count {
	return Count{Letters: c.Letters, Failed: c.Failed, Bytes: c.Bytes}
}

// Count returns how many letters there are. It always equals what List lists, unless items are damaged; then see Recount.
func (l *Letters) Count(ctx context.Context) (Count, error) {
	c, err := parked.LoadCount(ctx, l.store, l.name)
	return countOf(c), err
}

// Consumer is one that ever had dead letters.
type Consumer struct {
	Name string `json:"name"`
	Count
}

// Consumers yields the consumers that ever had dead letters, in order of name, those after a name. One whose count is damaged comes
// with a *DamagedError, and the iteration goes on; any other error ends it.
func Consumers(ctx context.Context, st *store.Store, after string) iter.Seq2[Consumer, error] {
	from := ""
	if after != "" {
		from = after + "\x00"
	}
	return func(yield func(Consumer, error) bool) {
		for item, err := range st.List(ctx, parked.CountBucket, from, "") {
			if err != nil {
				yield(Consumer{}, err)
				return
			}
			c, err := parked.DecodeCount(item)
			if !yield(Consumer{Name: item.Key, Count: countOf(c)}, err) {
				return
			}
		}
	}
}

// Recount makes the count anew from the letters that there are, and returns it. It is only needed after an item was damaged.
func (l *Letters) Recount(ctx context.Context) (Count, error) {
	var counted Count
	err := l.untilItFits(ctx, func() error {
		item, err := l.store.Get(ctx, parked.CountBucket, l.name)
		if err != nil {
			return err
		}
		c, err := l.countEntries(ctx)
		if err != nil {
			return err
		}
		counted = countOf(c)
		w, err := parked.Recounted(l.name, c, item.Revision)
		_, err = l.commit(ctx, w, err)
		return err
	})
	return counted, err
}

func (l *Letters) countEntries(ctx context.Context) (c parked.Count, err error) {
	for e, err := range parked.Entries(ctx, l.store, l.name, "", "") {
		if err != nil {
			return c, err
		}
		c.Add(e.State, e.Bytes)
	}
	return c, nil
}

// commit writes what was made, unless that failed.
func (l *Letters) commit(ctx context.Context, w parked.Written, err error) (store.Receipt, error) {
	if err != nil {
		return store.Receipt{}, err
	}
	return l.store.Commit(ctx, store.Commit{Items: w.Items, Conditions: w.Conditions})
}

// ErrNone is the error for a position that has no dead letter.
var ErrNone = parked.ErrNone

// DamagedError says which item of a consumer's letters cannot be read: its fields are Consumer, Bucket, Key, Position (of the letter) and
// Err. Discard of the position gets rid of it.
type DamagedError = parked.DamagedError

// Position is a record's place in the whole store; see event.Position.
type Position = event.Position
