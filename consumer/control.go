package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
)

// Pause keeps the consumer from taking records, in all processes and until Resume, whether it runs or not. Handlers that run finish.
func (c *Consumer) Pause(ctx context.Context) error { return c.setPaused(ctx, true) }

// Resume lets a paused consumer go on. One that is not paused goes on as it is.
func (c *Consumer) Resume(ctx context.Context) error { return c.setPaused(ctx, false) }

func (c *Consumer) setPaused(ctx context.Context, paused bool) error {
	if err := setPaused(ctx, c.store, c.name, paused); err != nil {
		return err
	}
	if r, _ := c.current(); r != nil {
		r.board.pause(paused)
		r.poke()
	}
	return nil
}

// Rewind makes the consumer go on from there, forward or back, in all processes and whether it runs or not. What handlers return that run
// meanwhile counts for nothing: their context ends, and their records are handled again if they are behind that place.
//
// Dead letters stay what they are: records that have one are passed over. Events that a Tx appended are not appended a second time.
func (c *Consumer) Rewind(ctx context.Context, to From) error {
	r, _ := c.current()
	if r == nil {
		return Rewind(ctx, c.store, c.name, to)
	}
	before := r.board.holding()
	if err := Rewind(ctx, c.store, c.name, to); err != nil {
		return err
	}
	for _, s := range before { // until it is told, a slot is not where its item is
		r.board.stale(s)
	}
	r.poke()
	return nil
}

// holding returns the slots that are held.
func (b *board) holding() (slots []*slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.slots {
		if s != nil {
			slots = append(slots, s)
		}
	}
	return slots
}

// poke makes the leases look at once.
func (r *run) poke() {
	if leases := r.lease(); leases != nil {
		leases.Poke()
	}
}

// lease returns the leases, nil when they are not prepared yet.
func (r *run) lease() *lease.Group {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.leases
}

// Pause is [Consumer.Pause] by name, for those who operate consumers of other programs. They notice within a second.
func Pause(ctx context.Context, st *store.Store, name string) error {
	return setPaused(ctx, st, name, true)
}

// Resume is [Consumer.Resume] by name.
func Resume(ctx context.Context, st *store.Store, name string) error {
	return setPaused(ctx, st, name, false)
}

func setPaused(ctx context.Context, st *store.Store, name string, paused bool) error {
	if err := checkName(name); err != nil {
		return err
	}
	_, err := lease.ChangeSettings(ctx, st, Bucket, name, func(s *lease.Settings) error {
		s.Paused = paused
		return nil
	})
	if err != nil {
		return fmt.Errorf("consumer %s: %w", name, err)
	}
	return nil
}

// Rewind is [Consumer.Rewind] by name, for those who operate consumers of other programs. They notice within a second. One that never ran
// will begin there.
func Rewind(ctx context.Context, st *store.Store, name string, to From) error {
	if err := checkName(name); err != nil {
		return err
	}
	position, err := to.position(ctx, st)
	if err == nil {
		err = rewind(ctx, st, name, position)
	}
	if err != nil {
		return fmt.Errorf("rewind consumer %s: %w", name, err)
	}
	return nil
}

func rewind(ctx context.Context, st *store.Store, name string, position store.Position) error {
	start, err := json.Marshal(shared{Start: position})
	if err != nil {
		return err
	}
	_, err = lease.ChangeSettings(ctx, st, Bucket, name, func(s *lease.Settings) error {
		s.Data = start
		return nil
	})
	if err != nil {
		return err
	}
	to := checkpoint{Position: position}
	data, err := to.encode()
	if err != nil {
		return err
	}
	err = lease.Change(ctx, st, Bucket, name, func(int, json.RawMessage) (json.RawMessage, error) { return data, nil })
	if errors.Is(err, lease.ErrUnknown) {
		return nil // it never ran, and will begin there
	}
	return err
}
