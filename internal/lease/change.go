package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/store"
)

// ErrUnknown means that no run has fixed the number of slots yet. ChangeSettings can.
var ErrUnknown = errors.New("has never run")

// Change rewrites the payload of every slot, whoever owns it: change gets what is saved, nil when nothing is, and returns what shall be.
// It is called again for a slot that was written meanwhile. The owners are told at their next look; what they commit before fails. The slots
// are changed one after the other: after an error, those before it are changed already, and calling Change again is safe if change is.
func Change(
	ctx context.Context, st *store.Store, bucket, name string, change func(slot int, data json.RawMessage) (json.RawMessage, error),
) error {
	settings, err := LoadSettings(ctx, st, bucket, name)
	if err != nil {
		return fmt.Errorf("change slots of %s: %w", name, err)
	}
	if settings.Slots == 0 {
		return fmt.Errorf("change slots: %s %w", name, ErrUnknown)
	}
	for n := range settings.Slots {
		err := amend(ctx, st, func() (store.ItemWrite, store.Condition, error) { return changed(ctx, st, bucket, name, n, change) })
		if err != nil {
			return fmt.Errorf("change slot %d of %s: %w", n, name, err)
		}
	}
	return nil
}

func changed(
	ctx context.Context, st *store.Store, bucket, name string, slot int, change func(int, json.RawMessage) (json.RawMessage, error),
) (store.ItemWrite, store.Condition, error) {
	key := slotKey(name, slot)
	found, revision, err := loadSlot(ctx, st, bucket+slotBucket, key)
	if err != nil {
		return store.ItemWrite{}, store.Condition{}, err
	}
	data, err := change(slot, found.Data)
	if err != nil {
		return store.ItemWrite{}, store.Condition{}, err
	}
	found.Turn, found.Data = found.Turn+1, data
	write, err := encode(bucket+slotBucket, key, found)
	return write, store.ItemAt(bucket+slotBucket, key, revision), err
}

func loadSlot(ctx context.Context, st *store.Store, bucket, key string) (s slotItem, revision uint64, err error) {
	item, err := st.Get(ctx, bucket, key)
	if err != nil || item.Revision == 0 {
		return slotItem{}, 0, err
	}
	err = decode(item, &s)
	return s, item.Revision, err
}
