package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Transaction returns what the handler that got ctx writes in the same commit as the checkpoint of the record that it handles: the
// effect happens exactly once, or, when the handler fails, not at all. The key's next record is handled after that commit.
//
// With a context that no handler of a consumer got, or after the handler has returned, every method returns an error.
func Transaction(ctx context.Context) *Tx {
	c, ok := ctx.Value(handlingKey{}).(*handlingContext)
	if !ok {
		return &Tx{state: &txState{over: errNoHandler}}
	}
	return &Tx{ctx: ctx, state: c.transaction()}
}

var (
	errNoHandler = errors.New("transaction: the context is none that a consumer gave to a handler; use the one that the handler was called with")
	errReturned  = errors.New("transaction: its handler has returned; what it writes must be written before")
)

// returned is the state of each call that has returned, and did not ask for its transaction until then.
var returned = &txState{over: errReturned}

// Tx is what a handler writes: see Transaction. Its methods may be called at the same time.
type Tx struct {
	ctx   context.Context // the handler's, from which events take their cause
	state *txState
}

// txState is shared by all Tx of one call.
type txState struct {
	mu         sync.Mutex
	over       error // why nothing more can be written
	ids        event.ID
	name       string // of the consumer
	source     string
	store      *store.Store
	events     []event.Record
	items      []store.ItemWrite // in order; the last write of a key counts
	conditions []store.Condition
}

// Append makes an event of data, as event.New does, and appends it. An event without an id gets one that is made of the handled record's
// and of how many were appended before, so that it is the same at each attempt: what is in the store already, after Rewind for
// instance, is not appended again.
func (tx *Tx) Append(data any, opts ...event.Option) error {
	s := tx.state
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over != nil {
		return s.over
	}
	fill := func(e *event.Event[any]) {
		if e.ID.IsZero() {
			e.ID = s.ids.Derive(fmt.Sprintf("%s/%d", s.name, len(s.events)))
		}
		if e.Source == "" {
			e.Source = s.source
		}
	}
	e, err := event.New(tx.ctx, data, append(opts[:len(opts):len(opts)], fill)...)
	if err != nil {
		return fmt.Errorf("append %T: %w", data, err)
	}
	r, err := s.store.Registry().Encode(e)
	if err != nil {
		return fmt.Errorf("append: %w", err)
	}
	s.events = append(s.events, r)
	return nil
}

// Put sets an item. The value is copied.
func (tx *Tx) Put(bucket, key string, value []byte) error {
	return tx.write(store.Put(bucket, key, bytes.Clone(value)))
}

// Delete removes an item. Removing one that does not exist is fine.
func (tx *Tx) Delete(bucket, key string) error { return tx.write(store.Delete(bucket, key)) }

func (tx *Tx) write(w store.ItemWrite) error {
	one := store.Commit{Items: []store.ItemWrite{w}}
	if err := one.Check(); err != nil {
		return err
	}
	s := tx.state
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over == nil {
		s.items = append(s.items, w)
	}
	return s.over
}

// Get returns an item as it will be with what the transaction has written so far. One that does not exist has revision 0, and that is no
// error. Another key's handler may change the item meanwhile; to notice, pass the revision that was read to Expect with store.ItemAt.
func (tx *Tx) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	s := tx.state
	s.mu.Lock()
	own, written, over := s.written(bucket, key), false, s.over
	if own != nil {
		written = true
	}
	st := s.store
	s.mu.Unlock()
	if over != nil {
		return store.Item{}, over
	}
	if written && own.Delete {
		return store.Item{Bucket: bucket, Key: key}, nil
	}
	item, err := st.Get(ctx, bucket, key)
	if err == nil && written {
		item.Value, item.Revision = bytes.Clone(own.Value), max(item.Revision, 1)
	}
	return item, err
}

// written returns the last write of an item, nil when there is none.
func (s *txState) written(bucket, key string) *store.ItemWrite {
	for i := len(s.items) - 1; i >= 0; i-- {
		if w := &s.items[i]; w.Key == key && w.Bucket == bucket {
			return w
		}
	}
	return nil
}

// Expect adds conditions. When one does not hold, nothing is committed, and the handler is called again: a few times at once, then as
// after a failure.
func (tx *Tx) Expect(conditions ...store.Condition) error {
	s := tx.state
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over == nil {
		s.conditions = append(s.conditions, conditions...)
	}
	return s.over
}

// mark is how much a transaction had written at some time.
type mark struct{ events, items, conditions int }

func (s *txState) mark() mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return mark{len(s.events), len(s.items), len(s.conditions)}
}

// back forgets what was written since.
func (s *txState) back(to mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events, s.items, s.conditions = s.events[:to.events], s.items[:to.items], s.conditions[:to.conditions]
}

// end lets nothing more be written, and reports whether there is anything to commit.
func (s *txState) end() (writes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = errReturned
	return len(s.events)+len(s.items)+len(s.conditions) > 0
}

// lastWrites returns the writes that count: the last one of each item.
func (s *txState) lastWrites() []store.ItemWrite {
	if len(s.items) < 2 {
		return s.items
	}
	type key struct{ bucket, key string }
	at := make(map[key]int, len(s.items))
	var last []store.ItemWrite
	for _, w := range s.items {
		k := key{w.Bucket, w.Key}
		if i, ok := at[k]; ok {
			last[i] = w
			continue
		}
		at[k] = len(last)
		last = append(last, w)
	}
	return last
}
