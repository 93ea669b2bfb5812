package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

const name = "billing"

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// shelf is a store with dead letters, put there without a consumer.
type shelf struct {
	*deadletter.Letters
	t      testing.TB
	driver *wrapped
	store  *store.Store
	next   event.Position

	resolved func(parked.Letter) // is told of what consume committed; may be nil
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	driver := &wrapped{Driver: memory.New()}
	st := store.New(driver, store.Config{})
	t.Cleanup(func() { _ = st.Close() })
	letters, err := deadletter.New(st, name)
	if err != nil {
		t.Fatal(err)
	}
	return &shelf{Letters: letters, t: t, driver: driver, store: st}
}

const slots = 4

func slotOf(key string) int { return int(parked.HashOf(key) % slots) }

// park parks one letter for each key, the first of a key as failed, at the next positions.
func (s *shelf) park(keys ...string) {
	s.t.Helper()
	for len(keys) > 0 {
		some := keys[:min(len(keys), 1000)]
		keys = keys[len(some):]
		var park []parked.Letter
		for _, key := range some {
			s.next++
			state := parked.Failed
			if s.isParked(key) || slices.ContainsFunc(park, func(l parked.Letter) bool { return l.Key == key }) {
				state = parked.Waiting
			}
			park = append(park, letter(s.next, key, state))
		}
		s.change(parked.Change{Park: park})
	}
}

// parkAs parks one letter.
func (s *shelf) parkAs(l parked.Letter) {
	s.t.Helper()
	s.next = max(s.next, l.Record.Position)
	s.change(parked.Change{Park: []parked.Letter{l}})
}

func (s *shelf) isParked(key string) bool {
	for _, err := range parked.EntriesOf(s.t.Context(), s.store, name, slotOf(key), parked.HashOf(key), 0) {
		return err == nil
	}
	return false
}

func letter(p event.Position, key string, state parked.State) parked.Letter {
	l := parked.Letter{
		Record: event.Record{
			Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", Version: 1, Time: noon, ContentType: "application/json"},
			Place:    event.Place{Stream: "stream-" + key, Revision: uint64(p), Position: p},
			Data:     fmt.Appendf(nil, `{"n":%d}`, p),
		},
		Key: key, Slot: slotOf(key), State: state, First: noon.Add(time.Duration(p) * time.Minute), Last: noon,
	}
	if state == parked.Failed {
		l.Error, l.Attempts = "card refused", 10
	}
	return l
}

// change commits until nobody was faster.
func (s *shelf) change(c parked.Change) {
	s.t.Helper()
	for {
		err := s.try(c)
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrConflict) {
			s.t.Fatal(err)
		}
	}
}

func (s *shelf) try(c parked.Change) error {
	count, err := parked.LoadCount(s.t.Context(), s.store, name)
	if err != nil {
		return err
	}
	w, err := parked.Writes(name, count, c)
	if err != nil {
		return err
	}
	_, err = s.store.Commit(s.t.Context(), store.Commit{Items: w.Items, Conditions: w.Conditions})
	return err
}

// list returns the positions that match.
func (s *shelf) list(f deadletter.Filter) []event.Position {
	s.t.Helper()
	var all []event.Position
	for cursor := event.Position(0); ; {
		page, err := s.List(s.t.Context(), f, 0, cursor)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, l := range page.Letters {
			all = append(all, l.Record.Position)
		}
		if cursor = page.Next; cursor == 0 {
			return all
		}
	}
}

func (s *shelf) expectList(f deadletter.Filter, want ...event.Position) {
	s.t.Helper()
	if got := s.list(f); !slices.Equal(got, want) {
		s.t.Errorf("%+v lists %v, want %v", f, got, want)
	}
}

// requested returns the keys that were asked to go on.
func (s *shelf) requested() (hashes []parked.Hash) {
	s.t.Helper()
	for slot := range slots {
		requests, err := parked.Requests(s.t.Context(), s.store, name, slot, 1_000_000)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, r := range requests {
			hashes = append(hashes, r.Hash)
		}
	}
	slices.Sort(hashes)
	return hashes
}

func (s *shelf) expectRequested(keys ...string) {
	s.t.Helper()
	var want []parked.Hash
	for _, key := range keys {
		want = append(want, parked.HashOf(key))
	}
	slices.Sort(want)
	if got := s.requested(); !slices.Equal(got, want) {
		s.t.Errorf("requested are %v, want %v of %v", got, want, keys)
	}
}

// expectCount compares the count with the letters and the index.
func (s *shelf) expectCount() {
	s.t.Helper()
	var listed, indexed deadletter.Count
	for cursor := event.Position(0); ; {
		page, err := s.List(s.t.Context(), deadletter.Filter{}, deadletter.MaxPage, cursor)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, l := range page.Letters {
			addTo(&listed, l.State == deadletter.Failed, max(l.Size, 0))
		}
		if cursor = page.Next; cursor == 0 {
			break
		}
	}
	for e, err := range parked.Entries(s.t.Context(), s.store, name, "", "") {
		if err != nil {
			s.t.Fatal(err)
		}
		addTo(&indexed, e.State == parked.Failed, int(e.Bytes))
	}
	if got, err := s.Count(s.t.Context()); err != nil || got != listed || got != indexed {
		s.t.Fatalf("the count is %+v (%v), listed are %+v, indexed %+v", got, err, listed, indexed)
	}
}

func addTo(c *deadletter.Count, failed bool, bytes int) {
	c.Letters++
	c.Bytes += uint64(bytes)
	if failed {
		c.Failed++
	}
}

func (s *shelf) put(bucket, key string, value []byte) {
	s.t.Helper()
	if _, err := s.store.Commit(s.t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(bucket, key, value)}}); err != nil {
		s.t.Fatal(err)
	}
}

// entries returns the whole journal, newest first.
func (s *shelf) entries() []deadletter.Entry {
	s.t.Helper()
	var all []deadletter.Entry
	for before := uint64(0); ; {
		page, err := s.Journal(s.t.Context(), before, deadletter.MaxPage)
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, page.Entries...)
		if before = page.Next; before == 0 {
			return all
		}
	}
}

// consume does what a consumer does with what was asked: handle decides about each letter. It goes on until nobody asks.
func (s *shelf) consume(handle func(parked.Letter) error) {
	s.t.Helper()
	for slot := range slots {
		for s.consumeSlot(slot, handle) {
		}
	}
}

// consumeSlot reports whether there was anything to do.
func (s *shelf) consumeSlot(slot int, handle func(parked.Letter) error) bool {
	s.t.Helper()
	requests, err := parked.Requests(s.t.Context(), s.store, name, slot, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range requests {
		for s.consumeKey(r, handle) {
		}
	}
	return len(requests) > 0
}

// consumeKey handles a key's first letter, and reports whether to go on with the next.
func (s *shelf) consumeKey(r parked.Request, handle func(parked.Letter) error) bool {
	s.t.Helper()
	front, err := parked.OfKey(s.t.Context(), s.store, name, r.Slot, r.Hash, 0, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	var c parked.Change
	if len(front) == 0 {
		c.Unask = []parked.Request{r}
	} else if err := handle(front[0]); err != nil {
		front[0].State, front[0].Error, front[0].Attempts = parked.Failed, err.Error(), front[0].Attempts+10
		c.Again, c.Unask = front, []parked.Request{r}
	} else {
		c.Resolved = front
	}
	for {
		switch err := s.try(c); {
		case err == nil:
			if len(c.Resolved) > 0 && s.resolved != nil {
				s.resolved(front[0])
			}
			return len(c.Resolved) > 0
		case !errors.Is(err, store.ErrConflict):
			s.t.Fatal(err)
		}
		if again, err := parked.OfKey(s.t.Context(), s.store, name, r.Slot, r.Hash, 0, 1); err != nil {
			s.t.Fatal(err)
		} else if len(again) != len(front) || len(again) > 0 && again[0].Revision != front[0].Revision {
			return true // the letter changed: look again
		}
	}
}

// wrapped is a driver that counts what it gives, and may fail at a call.
type wrapped struct {
	store.Driver

	mu      sync.Mutex
	calls   int
	listed  int
	fail    func(call int) (before, after error)
	between func() // is called once, before the next commit
}

func (w *wrapped) call() (before, after error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	if w.fail == nil {
		return nil, nil
	}
	return w.fail(w.calls)
}

// failing sets what fails from now on; nil is nothing.
func (w *wrapped) failing(fail func(call int) (before, after error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls, w.listed, w.fail = 0, 0, fail
}

func (w *wrapped) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	before, after := w.call()
	if before != nil {
		return store.Receipt{}, before
	}
	if between := w.between; between != nil {
		w.between = nil
		between()
	}
	receipt, err := w.Driver.Append(ctx, c)
	if after != nil {
		return store.Receipt{}, after
	}
	return receipt, err
}

func (w *wrapped) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	if before, after := w.call(); before != nil || after != nil {
		return store.Item{}, errors.Join(before, after)
	}
	return w.Driver.Get(ctx, bucket, key)
}

func (w *wrapped) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	before, after := w.call()
	return func(yield func(store.Item, error) bool) {
		if before != nil {
			yield(store.Item{}, before)
			return
		}
		for item, err := range w.Driver.List(ctx, bucket, from, to) {
			w.mu.Lock()
			w.listed++
			w.mu.Unlock()
			if !yield(item, err) {
				return
			}
			if after != nil {
				yield(store.Item{}, after)
				return
			}
		}
	}
}
