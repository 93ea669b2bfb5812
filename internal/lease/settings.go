package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

// Settings are what all runs of a name share.
type Settings struct {
	Slots  int             `json:"slots,omitempty"`  // fixed by the first run; 0 before it
	Paused bool            `json:"paused,omitempty"` // means what the caller makes it mean: slots are shared all the same
	Data   json.RawMessage `json:"data,omitempty"`   // the caller's own
}

func (s *Settings) check() error {
	if s.Slots < 0 || s.Slots > MaxSlots {
		return event.Invalid("slots", "is %d, which is not between 1 and %d", s.Slots, MaxSlots)
	}
	return nil
}

// LoadSettings returns the settings of a name: the zero Settings when it has none.
func LoadSettings(ctx context.Context, st *store.Store, bucket, name string) (Settings, error) {
	s, _, err := loadSettings(ctx, st, bucket, name)
	return s, err
}

func loadSettings(ctx context.Context, st *store.Store, bucket, name string) (s Settings, revision uint64, err error) {
	item, err := st.Get(ctx, bucket, name)
	if err != nil || item.Revision == 0 {
		return Settings{}, 0, err
	}
	if err := decode(item, &s); err != nil {
		return Settings{}, 0, err
	}
	if err := s.check(); err != nil {
		return Settings{}, 0, damaged(item, err)
	}
	return s, item.Revision, nil
}

// ChangeSettings lets change alter the settings of a name, again and again while others are faster, and returns what they became. Runs
// notice at their next look. The number of slots can be set only while it is 0.
func ChangeSettings(ctx context.Context, st *store.Store, bucket, name string, change func(*Settings) error) (Settings, error) {
	var s Settings
	err := amend(ctx, st, func() (store.ItemWrite, store.Condition, error) {
		var revision uint64
		var err error
		s, revision, err = loadSettings(ctx, st, bucket, name)
		if err != nil {
			return store.ItemWrite{}, store.Condition{}, err
		}
		slots := s.Slots
		if err = change(&s); err == nil {
			err = s.check()
		}
		if err == nil && slots > 0 && s.Slots != slots {
			err = event.Invalid("slots", "cannot become %d: the first run made it %d", s.Slots, slots)
		}
		if err != nil {
			return store.ItemWrite{}, store.Condition{}, err
		}
		write, err := encode(bucket, name, s)
		return write, store.ItemAt(bucket, name, revision), err
	})
	if err != nil {
		return Settings{}, fmt.Errorf("settings of %s: %w", name, err)
	}
	return s, nil
}

// amend commits what prepare returns, if its condition holds, and prepares again while it does not.
func amend(ctx context.Context, st *store.Store, prepare func() (store.ItemWrite, store.Condition, error)) error {
	for attempt := 1; ; attempt++ {
		write, condition, err := prepare()
		if err != nil {
			return err
		}
		_, err = st.Commit(ctx, store.Commit{Items: []store.ItemWrite{write}, Conditions: []store.Condition{condition}})
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		if err := backoff.Sleep(ctx, backoff.Full(attempt, time.Millisecond, 50*time.Millisecond)); err != nil {
			return err
		}
	}
}
