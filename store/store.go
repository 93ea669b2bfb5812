package store

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// Store is what programs hold: a driver, and the registry that turns events into records and back. Its methods may be called at
// the same time.
type Store struct {
	driver   Driver
	registry *event.Registry
	hook     Hook // nil when nobody looks
	lister   StreamLister
	counter  Statistician
	alone    Exclusive
}

// Config is how a store is used; the zero Config works.
type Config struct {
	Registry *event.Registry // default: a new one, which writes JSON
	Hook     Hook            // sees every commit; default none, which costs nothing
}

// New returns the store over a driver. Closing the store closes the driver.
func New(d Driver, cfg Config) *Store {
	s := &Store{driver: d, registry: cfg.Registry, hook: cfg.Hook}
	if s.registry == nil {
		s.registry = &event.Registry{}
	}
	s.lister, _ = d.(StreamLister)
	s.counter, _ = d.(Statistician)
	s.alone, _ = d.(Exclusive)
	return s
}

// Registry returns the registry that encodes and decodes.
func (s *Store) Registry() *event.Registry { return s.registry }

// Append makes events of data as [event.New] does and commits them together. Each goes to its own stream.
func (s *Store) Append(ctx context.Context, data ...any) (Receipt, error) {
	records := make([]event.Record, len(data))
	for i, d := range data {
		e, err := event.New(ctx, d)
		if err != nil {
			return Receipt{}, fmt.Errorf("append %T: %w", d, err)
		}
		if records[i], err = s.registry.Encode(e); err != nil {
			return Receipt{}, fmt.Errorf("append: %w", err)
		}
	}
	return s.Commit(ctx, Commit{Events: records})
}

// AppendTo is Append with all events in one stream and, when conditions are given, only if they hold.
func (s *Store) AppendTo(ctx context.Context, stream string, events []any, conditions ...Condition) (Receipt, error) {
	records := make([]event.Record, len(events))
	for i, d := range events {
		e, err := event.New(ctx, d, event.WithStream(stream))
		if err != nil {
			return Receipt{}, fmt.Errorf("append %T to %q: %w", d, stream, err)
		}
		if records[i], err = s.registry.Encode(e); err != nil {
			return Receipt{}, fmt.Errorf("append to %q: %w", stream, err)
		}
	}
	return s.Commit(ctx, Commit{Events: records, Conditions: conditions})
}

// Commit writes records, conditions and items, all or nothing. A record without an id, a time, a version or a correlation id
// gets one in place, so that the caller can send the very same commit again.
func (s *Store) Commit(ctx context.Context, c Commit) (Receipt, error) {
	for i := range c.Events {
		r := &c.Events[i]
		if r.ID.IsZero() {
			r.ID = event.NewID()
		}
		if r.Time.IsZero() {
			r.Time = time.Now()
		}
		r.Time = r.Time.UTC().Round(0)
		if r.Version == 0 {
			r.Version = 1
		}
		if r.CorrelationID.IsZero() {
			r.CorrelationID = r.ID
		}
	}
	if s.hook != nil {
		return s.observed(ctx, c)
	}
	return s.driver.Append(ctx, c)
}

// Read yields the records that match, as the store stood when the iteration began. It ends with the newest of them.
func (s *Store) Read(ctx context.Context, q Query) iter.Seq2[event.Record, error] {
	return s.driver.Read(ctx, q)
}

// Follow yields the records that match, oldest first, then goes on as new ones arrive, without gap or duplicate, until ctx or the
// caller ends it. The query's limit, end and direction do not apply. The last pair carries the error, which is ctx's at the end.
func (s *Store) Follow(ctx context.Context, q Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		q := q // so that each iteration begins where the first did
		q.Limit, q.Before, q.Backward = 0, 0, false
		if err := q.Check(); err != nil {
			yield(event.Record{}, err)
			return
		}
		for {
			head, err := s.driver.Wait(ctx, q.After)
			if err != nil {
				yield(event.Record{}, err)
				return
			}
			q.Before = head + 1
			for r, err := range s.driver.Read(ctx, q) {
				if !yield(r, err) || err != nil {
					return
				}
			}
			q.After = head
		}
	}
}

// Decode returns the record as an event: lifted to the newest version and in its registered Go type, or untyped.
func (s *Store) Decode(r event.Record) (event.Event[any], error) { return s.registry.Decode(r) }

// Head returns the position of the newest record, 0 when there is none.
func (s *Store) Head(ctx context.Context) (Position, error) { return s.driver.Head(ctx) }

// Wait returns the head as soon as it is after the given position.
func (s *Store) Wait(ctx context.Context, after Position) (Position, error) {
	return s.driver.Wait(ctx, after)
}

// Get returns an item. One that does not exist has revision 0, and that is no error.
func (s *Store) Get(ctx context.Context, bucket, key string) (Item, error) {
	return s.driver.Get(ctx, bucket, key)
}

// List yields the items of a bucket with from <= key < to in order of key; an empty to means to the end.
func (s *Store) List(ctx context.Context, bucket, from, to string) iter.Seq2[Item, error] {
	return s.driver.List(ctx, bucket, from, to)
}

// Streams returns what lists the streams; ok is false when the driver cannot.
func (s *Store) Streams() (l StreamLister, ok bool) { return s.lister, s.lister != nil }

// Statistics returns what counts the store's contents; ok is false when the driver cannot.
func (s *Store) Statistics() (c Statistician, ok bool) { return s.counter, s.counter != nil }

// Exclusive returns the id of this opening of the store; ok is false when other processes may have it open too, as far as the driver
// can tell. A program that serves its store to other processes has to keep that in mind.
func (s *Store) Exclusive() (opening event.ID, ok bool) {
	if s.alone == nil {
		return event.ID{}, false
	}
	return s.alone.Opened(), true
}

// Close closes the driver.
func (s *Store) Close() error { return s.driver.Close() }
