package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// counting counts commits, each of which takes a while.
type counting struct {
	store.Driver
	commits atomic.Int64
	pause   time.Duration
}

func (c *counting) Append(ctx context.Context, commit store.Commit) (store.Receipt, error) {
	c.commits.Add(1)
	time.Sleep(c.pause)
	return c.Driver.Append(ctx, commit)
}

// slowly takes its time for each commit and each list.
type slowly struct {
	store.Driver
	append, list time.Duration
}

func (s *slowly) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	time.Sleep(s.append)
	return s.Driver.Append(ctx, c)
}

func (s *slowly) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		for item, err := range s.Driver.List(ctx, bucket, from, to) {
			if !yield(item, err) {
				return
			}
		}
		time.Sleep(s.list)
	}
}

func (s *slowly) Close() error { return nil }

var errCrash = errors.New("crash")

// crashing is a driver that dies at the nth commit: before it, or after it and before anybody hears of it.
type crashing struct {
	store.Driver
	at    int64 // which one; 0: none
	after bool
	n     atomic.Int64
	dead  atomic.Bool
}

func (c *crashing) Append(ctx context.Context, commit store.Commit) (store.Receipt, error) {
	if c.dead.Load() {
		return store.Receipt{}, errCrash
	}
	if c.n.Add(1) != c.at {
		return c.Driver.Append(ctx, commit)
	}
	c.dead.Store(true)
	if c.after {
		if _, err := c.Driver.Append(ctx, commit); err != nil {
			return store.Receipt{}, err
		}
	}
	return store.Receipt{}, errCrash
}

// Close leaves the driver to the next store.
func (c *crashing) Close() error { return nil }

// letters returns the dead letters of billing in order of position.
func letters(t *testing.T, st *store.Store) (found []parked.Letter) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	for item, err := range st.List(ctx, parked.Letters("billing"), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		head, err := parked.DecodeLetter("billing", item)
		if err != nil {
			t.Fatal(err)
		}
		l, err := parked.Read(ctx, st, "billing", head.Record.Position)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, l)
	}
	count, err := parked.LoadCount(ctx, st, "billing")
	if err != nil || int(count.Letters) != len(found) {
		t.Errorf("there are %d letters, and the count is %+v, %v", len(found), count, err)
	}
	return found
}

// places tells of letters by position and state: "2 failed, 3 waiting".
func places(letters []parked.Letter) string {
	var texts []string
	for _, l := range letters {
		texts = append(texts, fmt.Sprint(l.Record.Position, " ", l.State))
	}
	return strings.Join(texts, ", ")
}

// redrive asks that a key be redriven, as package deadletter does.
func redrive(t *testing.T, st *store.Store, key string) {
	t.Helper()
	for _, l := range letters(t, st) {
		if l.Key != key {
			continue
		}
		asked, err := parked.RequestOf(t.Context(), st, "billing", l.Slot, l.Hash)
		if err != nil {
			t.Fatal(err)
		}
		asked.At = time.Now()
		change(t, st, parked.Change{Ask: []parked.Request{asked}})
		return
	}
	t.Errorf("%q has no letters", key)
}

func change(t *testing.T, st *store.Store, c parked.Change) {
	t.Helper()
	count, err := parked.LoadCount(t.Context(), st, "billing")
	if err != nil {
		t.Fatal(err)
	}
	w, err := parked.Writes("billing", count, c)
	if err == nil {
		_, err = st.Commit(t.Context(), store.Commit{Items: w.Items, Conditions: w.Conditions})
	}
	if err != nil {
		t.Fatal(err)
	}
}
