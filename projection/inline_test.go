package projection_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func inline(t *testing.T, st *store.Store, ps ...projection.Inlined) *projection.Inline {
	t.Helper()
	in, err := projection.NewInline(st, ps...)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func appendInline(t *testing.T, in *projection.Inline, data ...any) {
	t.Helper()
	if _, err := in.Append(t.Context(), data...); err != nil {
		t.Fatal(err)
	}
}

func TestInlineDocumentsChangeWithTheCommit(t *testing.T) {
	st := newStore(t)
	p := accounts(t, st, projection.Config{Inline: true})
	projection.Index(p, "cents", func(a account) []string { return []string{fmt.Sprint(a.Cents)} })
	in := inline(t, st, p)
	appendInline(t, in, deposited{"ann", 5}, deposited{"bob", 7}, deposited{"ann", 1})
	if doc, ok, err := p.Get(t.Context(), "ann"); err != nil || !ok || doc != (account{6, 2}) {
		t.Errorf("right after the commit ann is %+v, %v", doc, err)
	}
	for doc, err := range p.By(t.Context(), "cents", "6") {
		if err != nil || doc.Key != "ann" {
			t.Errorf("the index has %q, %v", doc.Key, err)
		}
	}
	appendInline(t, in, closed{"bob"})
	if got := dump(t, p); got != "ann={\"Cents\":6,\"Events\":2}\n" {
		t.Errorf("documents are %s", got)
	}
	_, err := in.Commit(t.Context(), store.Commit{
		Events:     []event.Record{{Metadata: event.Metadata{Type: "account.deposited"}, Place: event.Place{Stream: "account-ann"}, Data: []byte(`{"Account":"ann","Cents":1}`)}},
		Conditions: []store.Condition{store.NoStream("account-ann")},
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("the caller's own conflict is %v", err)
	}
	if doc, _, _ := p.Get(t.Context(), "ann"); doc != (account{6, 2}) {
		t.Errorf("a refused commit made %+v", doc)
	}
	if err := p.WaitFor(t.Context(), 100); err != nil {
		t.Errorf("WaitFor returned %v", err)
	}
}

func TestAHandlersErrorRefusesTheCommit(t *testing.T) {
	st := newStore(t)
	p := accounts(t, st, projection.Config{Inline: true})
	broke := errors.New("broke")
	projection.OnAny(p, func(context.Context, *projection.Docs[account], event.Record) error { return broke })
	if _, err := inline(t, st, p).Append(t.Context(), deposited{"ann", 5}); !errors.Is(err, broke) {
		t.Errorf("Append returned %v", err)
	}
	if head, _ := st.Head(t.Context()); head != 0 || dump(t, p) != "" {
		t.Errorf("the refused commit is at %d", head)
	}
}

func TestInlineWritersOfOneDocumentLoseNothing(t *testing.T) {
	st := newStore(t)
	p, q := accounts(t, st, projection.Config{Inline: true}), orders(t, st, projection.Config{Inline: true})
	in := inline(t, st, p, q)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for i := range 25 {
				if _, err := in.Append(context.Background(), deposited{fmt.Sprint("account-", i%2), 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	checkAgainstAView(t, p)
}

func TestAnInlineCommitBeginsAgainWhenDocumentsChangedMeanwhile(t *testing.T) {
	st := newStore(t)
	p := accounts(t, st, projection.Config{Inline: true})
	in := inline(t, st, p)
	var meanwhile func()
	projection.OnAny(p, func(context.Context, *projection.Docs[account], event.Record) error {
		if do := meanwhile; do != nil {
			meanwhile = nil
			do()
		}
		return nil
	})
	appendInline(t, in, deposited{"ann", 1})
	meanwhile = func() { appendInline(t, in, deposited{"ann", 2}) } // another writer of the same document
	appendInline(t, in, deposited{"ann", 4})
	checkAgainstAView(t, p)
	meanwhile = func() { // a rebuild that ends in between
		if err := p.Rebuild(t.Context(), nil); err != nil {
			t.Error(err)
		}
	}
	appendInline(t, in, deposited{"ann", 8})
	checkAgainstAView(t, p)
	if doc, _, _ := p.Get(t.Context(), "ann"); doc != (account{15, 4}) {
		t.Errorf("ann is %+v", doc)
	}
}

// checkAgainstAView compares the documents with those that all events make.
func checkAgainstAView(t *testing.T, p *projection.Projection[account]) {
	t.Helper()
	v, err := p.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for doc, err := range v.All("", "") {
		if err != nil {
			t.Fatal(err)
		}
		want += fmt.Sprintf("%s=%s\n", doc.Key, doc.JSON)
	}
	if got := dump(t, p); got != want || got == "" {
		t.Errorf("documents are\n%s, the events make\n%s", got, want)
	}
}

func TestInlineDocumentsAreBuiltFromEventsOfBefore(t *testing.T) {
	st := newStore(t)
	deposit(t, st, "ann", 1, 2)
	p := accounts(t, st, projection.Config{Inline: true})
	in := inline(t, st, p)
	if _, err := in.Append(t.Context(), deposited{"ann", 5}); !errors.Is(err, projection.ErrNotBuilt) {
		t.Fatalf("before it is built, Append returned %v", err)
	}
	if err := p.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	appendInline(t, in, deposited{"ann", 5})
	checkAgainstAView(t, p)
	if err := p.SwitchBack(t.Context()); err == nil {
		t.Error("an inline projection was switched back to what no commit kept")
	}
}

func TestARebuildOfInlineDocumentsLosesNoCommit(t *testing.T) {
	for _, seed := range []int{1, 7, 50} { // commits that come between catching up and switching
		synctest.Test(t, func(t *testing.T) {
			driver := &refuse{Driver: memory.New()}
			st := store.New(driver, store.Config{})
			defer st.Close()
			p := accounts(t, st, projection.Config{Inline: true})
			in := inline(t, st, p)
			driver.refuse = func(store.Commit) error { return nil }
			appendInline(t, in, deposited{"ann", 1}, deposited{"bob", 2})
			left, fenced, busy := seed, false, false
			driver.refuse = func(c store.Commit) error {
				for _, w := range c.Items {
					if w.Bucket != "oxbow.projection.inline" || busy {
						continue
					}
					if string(w.Value[len(w.Value)-14:]) == `"fenced":true}` {
						fenced = true
					} else if left > 0 && !fenced { // about to switch: somebody is quicker
						left--
						busy = true
						appendInline(t, in, deposited{fmt.Sprint("account-", left%3), 1})
						busy = false
					}
				}
				return nil
			}
			if err := p.Rebuild(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if fenced != (seed == 50 || seed == 7) {
				t.Errorf("with %d commits between, writers were fenced off: %v", seed, fenced)
			}
			driver.refuse = func(store.Commit) error { return nil }
			appendInline(t, in, deposited{"ann", 4})
			checkAgainstAView(t, p)
		})
	}
}

func TestAFenceThatWasLeftBehindIsTakenAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{Inline: true})
		in := inline(t, st, p)
		appendInline(t, in, deposited{"ann", 1})
		item, err := st.Get(t.Context(), "oxbow.projection.inline", "accounts")
		if err != nil {
			t.Fatal(err)
		}
		fenced := append(item.Value[:len(item.Value)-1:len(item.Value)-1], `,"fenced":true}`...)
		if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(item.Bucket, item.Key, fenced)}}); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		appendInline(t, in, deposited{"ann", 2})
		if took := time.Since(began); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("the commit waited %v", took)
		}
		checkAgainstAView(t, p)
	})
}

func TestCodeOfAnotherVersionCannotCommitInline(t *testing.T) {
	st := newStore(t)
	old := accounts(t, st, projection.Config{Inline: true})
	in := inline(t, st, old)
	appendInline(t, in, deposited{"ann", 1})
	fresh := doubled(t, st, projection.Config{Inline: true})
	if _, err := inline(t, st, fresh).Append(t.Context(), deposited{"ann", 1}); !errors.Is(err, projection.ErrNotBuilt) {
		t.Errorf("the new version's Append returned %v", err)
	}
	appendInline(t, in, deposited{"ann", 2})
	if err := fresh.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Append(t.Context(), deposited{"ann", 1}); !errors.Is(err, projection.ErrNotBuilt) {
		t.Errorf("after the switch, the old version's Append returned %v", err)
	}
	appendInline(t, inline(t, st, fresh), deposited{"ann", 1})
	checkAgainstAView(t, fresh)
}

func TestMistakesInInlineAreNamed(t *testing.T) {
	st := newStore(t)
	p := accounts(t, st, projection.Config{})
	twice := accounts(t, st, projection.Config{Inline: true})
	for _, ps := range [][]projection.Inlined{{}, {p}, {twice, twice}} {
		if _, err := projection.NewInline(st, ps...); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("NewInline returned %v", err)
		}
	}
}
