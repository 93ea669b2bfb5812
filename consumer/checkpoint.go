package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/store"
)

// Bucket is where checkpoints are kept as items: the consumer's name is the key, {"position":N} the value.
const Bucket = "oxbow.consumer"

// ErrTaken ends a run when another run of the same consumer, here or in another process, moved the checkpoint.
var ErrTaken = errors.New("another run of this consumer moved its checkpoint")

// checkpoint is the saved position and the item revision that fences other runs off.
type checkpoint struct {
	Position store.Position `json:"position"`
	revision uint64
}

// Checkpoint returns the position up to which the named consumer has saved its progress; 0 when it has none.
func Checkpoint(ctx context.Context, st *store.Store, name string) (store.Position, error) {
	c, err := loadCheckpoint(ctx, st, name)
	return c.Position, err
}

func loadCheckpoint(ctx context.Context, st *store.Store, name string) (checkpoint, error) {
	item, err := st.Get(ctx, Bucket, name)
	if err != nil || item.Revision == 0 {
		return checkpoint{}, err
	}
	c := checkpoint{revision: item.Revision}
	if err := json.Unmarshal(item.Value, &c); err != nil {
		return checkpoint{}, fmt.Errorf("checkpoint item %q in %q is not one: %w", name, Bucket, err)
	}
	return c, nil
}

// save moves the checkpoint, unless another run did.
func (c *checkpoint) save(ctx context.Context, st *store.Store, name string, to store.Position) error {
	value, err := json.Marshal(checkpoint{Position: to})
	if err != nil {
		return err
	}
	receipt, err := st.Commit(ctx, store.Commit{
		Items:      []store.ItemWrite{store.Put(Bucket, name, value)},
		Conditions: []store.Condition{store.ItemAt(Bucket, name, c.revision)},
	})
	if errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("%w (%v)", ErrTaken, err)
	}
	if err != nil {
		return err
	}
	c.Position, c.revision = to, receipt.ItemRevision
	return nil
}
