package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
)

// StreamMeta returns a stream's metadata and the revision of the item that holds them. A stream that has none has the zero StreamMeta
// at revision 0, and that is no error.
func (s *Store) StreamMeta(ctx context.Context, stream string) (StreamMeta, uint64, error) {
	if err := event.CheckName("stream", stream); err != nil {
		return StreamMeta{}, 0, err
	}
	item, err := s.driver.Get(ctx, StreamBucket, stream)
	if err != nil || item.Revision == 0 {
		return StreamMeta{}, 0, err
	}
	m, err := ParseStreamMeta(item.Value)
	if err != nil {
		return StreamMeta{}, 0, fmt.Errorf("metadata of stream %q: %w: %w", stream, ErrDamaged, err)
	}
	return m, item.Revision, nil
}

// StreamRevision returns the revision of a stream that conditions see, which is that of its newest event, also when that event is
// gone by age or count. It is 0 when the stream does not exist or was deleted.
func (s *Store) StreamRevision(ctx context.Context, stream string) (uint64, error) {
	// A condition that cannot hold makes every driver tell, at the price of a commit that writes nothing.
	_, err := s.driver.Append(ctx, Commit{
		Items:      []ItemWrite{Delete("oxbow.none", "none")},
		Conditions: []Condition{AtRevision(stream, math.MaxUint64)},
	})
	var found *ConflictError
	if errors.As(err, &found) {
		return found.GotRevision, nil
	}
	return 0, err
}

// SetStreamMeta sets a stream's limits, whether the stream exists or not, if the conditions hold. MaxAge, MaxCount and Before become
// what m says. Deleted stays what it is, and Tombstone cannot be set: that is what [Store.DeleteStream] and
// [Store.TombstoneStream] are for.
func (s *Store) SetStreamMeta(ctx context.Context, stream string, m StreamMeta, conditions ...Condition) (Receipt, error) {
	if err := m.Check(); err != nil {
		return Receipt{}, err
	}
	if m.Tombstone {
		return Receipt{}, event.Invalid("tombstone", "cannot be set so; TombstoneStream sets it")
	}
	return s.amend(ctx, stream, conditions, func(now *StreamMeta) ([]Condition, error) {
		if m.Deleted > now.Deleted {
			return nil, event.Invalid("deleted", "is %d, and %q was deleted up to %d; DeleteStream sets it", m.Deleted, stream, now.Deleted)
		}
		now.MaxAge, now.MaxCount, now.Before = m.MaxAge, m.MaxCount, m.Before
		return nil, nil
	})
}

// amendAttempts is how often a change of metadata is tried when somebody else is faster.
const amendAttempts = 10

// amend changes a stream's metadata if they, the conditions that change returns, and the caller's conditions hold. Only a conflict
// with the first two makes it try again.
func (s *Store) amend(
	ctx context.Context, stream string, conditions []Condition, change func(m *StreamMeta) ([]Condition, error),
) (Receipt, error) {
	for attempt := 1; ; attempt++ {
		m, at, err := s.StreamMeta(ctx, stream)
		if err != nil {
			return Receipt{}, err
		}
		own, err := change(&m)
		if err != nil {
			return Receipt{}, err
		}
		own = append(own, ItemAt(StreamBucket, stream, at))
		receipt, err := s.Commit(ctx, Commit{
			Items:      []ItemWrite{PutStreamMeta(stream, m)},
			Conditions: append(own, conditions...),
		})
		if attempt == amendAttempts || !failedAny(own, err) {
			return receipt, err
		}
		if err := backoff.Sleep(ctx, backoff.Delay(attempt, time.Millisecond, 100*time.Millisecond)); err != nil {
			return Receipt{}, err
		}
	}
}

// failedAny reports whether the error is a conflict because of which one of the conditions does not hold.
func failedAny(conditions []Condition, err error) bool {
	var found *ConflictError
	if !errors.As(err, &found) {
		return false
	}
	for i := range conditions {
		c := &conditions[i]
		switch {
		case c.Expect == ExpectItem:
			if found.Bucket == c.Bucket && found.Key == c.Key && c.ItemConflict(found.GotRevision) != nil {
				return true
			}
		case found.Stream == c.Stream && c.Conflict(found.GotRevision) != nil:
			return true
		}
	}
	return false
}
