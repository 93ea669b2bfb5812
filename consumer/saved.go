package consumer

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
)

// Checkpoint returns the position up to which everything that the named consumer is for has been handled, parked or skipped, as far as
// that is saved; 0 when it never ran. Records behind it may be done too.
func Checkpoint(ctx context.Context, st *store.Store, name string) (store.Position, error) {
	saved, err := loadSaved(ctx, st, name)
	if err != nil || len(saved) == 0 {
		return 0, err
	}
	return lowest(saved), nil
}

func lowest(saved []checkpoint) store.Position {
	position := saved[0].Position
	for _, c := range saved[1:] {
		position = min(position, c.Position)
	}
	return position
}

// shared is what all runs of a consumer share beside the slots.
type shared struct {
	Start store.Position `json:"start"` // where slots begin that nothing was saved of
}

// loadSettings returns what all runs share; ok is false when there was no run yet.
func (c *Consumer) loadSettings(ctx context.Context) (s lease.Settings, ok bool, err error) {
	s, err = lease.LoadSettings(ctx, c.store, Bucket, c.name)
	return s, s.Slots > 0 && s.Data != nil, err
}

func decodeShared(name string, s lease.Settings) (own shared, err error) {
	if err := json.Unmarshal(s.Data, &own); err != nil {
		return shared{}, fmt.Errorf("item %q in %q: %w: %w; correct it", name, Bucket, store.ErrDamaged, err)
	}
	return own, nil
}

// loadSaved returns what is saved of each slot, none when the consumer never ran.
func loadSaved(ctx context.Context, st *store.Store, name string) ([]checkpoint, error) {
	view, err := lease.Look(ctx, st, Bucket, name)
	if err != nil || view.Settings.Data == nil {
		return nil, err
	}
	return savedIn(name, view)
}

func savedIn(name string, view lease.View) ([]checkpoint, error) {
	own, err := decodeShared(name, view.Settings)
	if err != nil {
		return nil, err
	}
	saved := make([]checkpoint, len(view.Slots))
	for i, slot := range view.Slots {
		if saved[i], err = decodeCheckpoint(slot.Data, own.Start); err != nil {
			return nil, fmt.Errorf("slot %d of consumer %s: %w: %w", i, name, store.ErrDamaged, err)
		}
	}
	return saved, nil
}
