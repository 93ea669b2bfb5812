package projection_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type deposited struct {
	Account string
	Cents   int64
}

func (d deposited) AggregateID() string { return d.Account }
func (deposited) EventType() string     { return "account.deposited" }

type closed struct{ Account string }

func (closed) EventType() string     { return "account.closed" }
func (c closed) AggregateID() string { return c.Account }

type account struct {
	Cents  int64
	Events int
}

func newStore(t *testing.T) *store.Store { return newStoreOf(t) }

func newStoreOf(t testing.TB) *store.Store {
	t.Helper()
	st := store.New(memory.New(), store.Config{})
	t.Cleanup(func() { st.Close() })
	return st
}

// shared is a driver whose data other processes may have open, too.
type shared struct{ store.Driver }

// accounts is the projection that the tests run: balances by account.
func accounts(t *testing.T, st *store.Store, cfg projection.Config) *projection.Projection[account] {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	p, err := projection.New[account](st, "accounts", cfg)
	if err != nil {
		t.Fatal(err)
	}
	projection.On(p, func(ctx context.Context, docs *projection.Docs[account], e event.Event[deposited]) error {
		return docs.Update(ctx, e.Data.Account, func(a *account) { a.Cents += e.Data.Cents; a.Events++ })
	})
	projection.On(p, func(ctx context.Context, docs *projection.Docs[account], e event.Event[closed]) error {
		docs.Delete(e.Data.Account)
		return nil
	})
	return p
}

func deposit(t *testing.T, st *store.Store, account string, cents ...int64) store.Position {
	t.Helper()
	var last store.Position
	for _, c := range cents {
		last = publish(t, st, deposited{account, c})
	}
	return last
}

func publish(t *testing.T, st *store.Store, data any) store.Position {
	t.Helper()
	receipt, err := st.Append(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Last
}

// start runs p until the returned function is called, which returns what Run returned.
func start(t *testing.T, p interface{ Run(context.Context) error }) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- p.Run(ctx) }()
	return func() error { cancel(); return <-result }
}

func waitFor(t *testing.T, p *projection.Projection[account], position store.Position) {
	t.Helper()
	if err := p.WaitFor(t.Context(), position); err != nil {
		t.Fatal(err)
	}
}

func dump[D any](t *testing.T, p *projection.Projection[D]) string {
	t.Helper()
	var b strings.Builder
	for doc, err := range p.All(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s=%s\n", doc.Key, doc.JSON)
	}
	return b.String()
}

func TestDocumentsFollowEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{})
		deposit(t, st, "ann", 100, 50)
		stop := start(t, p)
		waitFor(t, p, deposit(t, st, "bob", 7))
		doc, ok, err := p.Get(t.Context(), "ann")
		if want := (account{150, 2}); err != nil || !ok || doc != want {
			t.Errorf("Get(ann) = %v, %v, %v, want %v", doc, ok, err, want)
		}
		waitFor(t, p, publish(t, st, closed{"ann"}))
		if _, ok, err := p.Get(t.Context(), "ann"); ok || err != nil {
			t.Errorf("the deleted document is still there (%v)", err)
		}
		if err := stop(); err != nil {
			t.Errorf("Run returned %v after its context ended, want nil", err)
		}
	})
}

func TestEachEventIsAppliedOnceOverRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		for round := range 20 {
			last := deposit(t, st, "ann", 1, 1, 1)
			p := accounts(t, st, projection.Config{Batch: 1 + round%3})
			stop := start(t, p)
			waitFor(t, p, last-store.Position(round%3)) // stopped anywhere in the batch
			if err := stop(); err != nil {
				t.Fatal(err)
			}
		}
		p := accounts(t, st, projection.Config{})
		stop := start(t, p)
		defer stop()
		waitFor(t, p, 60)
		if doc, _, _ := p.Get(t.Context(), "ann"); doc != (account{60, 60}) {
			t.Errorf("60 deposits of 1 made %+v", doc)
		}
	})
}

// refuse fails the commits that the test names, as a crash between two of them would.
type refuse struct {
	store.Driver
	refuse func(store.Commit) error
}

func (r *refuse) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if err := r.refuse(c); err != nil {
		return store.Receipt{}, err
	}
	return r.Driver.Append(ctx, c)
}

func TestDocumentsAndPositionAreOneCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crash := errors.New("crash")
		crashed := false
		driver := &refuse{Driver: memory.New()}
		driver.refuse = func(c store.Commit) error {
			document := func(w store.ItemWrite) bool { return strings.HasPrefix(w.Bucket, "oxbow.projection/") }
			if !slices.ContainsFunc(c.Items, document) {
				return nil
			}
			if len(c.Items) != 2 || len(c.Conditions) != 1 {
				t.Errorf("a commit holds %d items and %d conditions, want the document and the fenced position", len(c.Items), len(c.Conditions))
			}
			if !crashed {
				crashed = true
				return crash
			}
			return nil
		}
		st := store.New(driver, store.Config{})
		defer st.Close()
		deposit(t, st, "ann", 1, 2)
		if err := accounts(t, st, projection.Config{}).Run(t.Context()); !errors.Is(err, crash) {
			t.Fatalf("Run returned %v, want the crash", err)
		}
		p := accounts(t, st, projection.Config{})
		stop := start(t, p)
		defer stop()
		waitFor(t, p, 2)
		if doc, _, _ := p.Get(t.Context(), "ann"); doc != (account{3, 2}) {
			t.Errorf("after the crash the document is %+v", doc)
		}
	})
}

func TestRebuildGivesTheSameBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{Batch: 7})
		for i := range 100 {
			deposit(t, st, fmt.Sprint("account-", i%13), int64(i))
		}
		stop := start(t, p)
		waitFor(t, p, 100)
		before := dump(t, p)
		if lines := strings.Count(before, "\n"); lines != 13 {
			t.Fatalf("%d documents, want 13", lines)
		}
		var done, head store.Position
		for range 3 {
			if err := p.Rebuild(t.Context(), func(d, h store.Position) { done, head = d, h }); err != nil {
				t.Fatal(err)
			}
			if after := dump(t, p); after != before {
				t.Fatalf("after the rebuild:\n%s\nwant\n%s", after, before)
			}
		}
		if done != 100 || head != 100 {
			t.Errorf("progress ended at %d of %d, want 100 of 100", done, head)
		}
		waitFor(t, p, deposit(t, st, "account-0", 1000)) // Run goes on with the new generation
		if after := dump(t, p); after == before {
			t.Error("the running projection writes to the old generation")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestARebuildAppliesOnlyWhatStreamsStillKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{})
		deposit(t, st, "bob", 7)
		stop := start(t, p)
		waitFor(t, p, deposit(t, st, "ann", 100, 50))
		before := dump(t, p)
		if _, err := st.TombstoneStream(t.Context(), "account-ann"); err != nil {
			t.Fatal(err)
		}
		if after := dump(t, p); after != before || !strings.Contains(after, "ann=") {
			t.Errorf("before a rebuild the documents are\n%swant\n%s", after, before)
		}
		if err := p.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		waitFor(t, p, 3)
		if after := dump(t, p); strings.Contains(after, "ann=") || !strings.HasPrefix(after, "bob=") {
			t.Errorf("after a rebuild the documents are\n%swant only bob's", after)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestReadersSeeTheOldDocumentsUntilTheRebuildEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{Batch: 1})
		deposit(t, st, "ann", 1, 2, 3)
		stop := start(t, p)
		defer stop()
		waitFor(t, p, 3)
		before := dump(t, p)
		err := p.Rebuild(t.Context(), func(done, _ store.Position) {
			if now := dump(t, p); now != before {
				t.Errorf("at %d a reader sees %q", done, now)
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestFailingHandlerIsRetriedFromWhereItStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{})
		failures := 3
		projection.On(p, func(ctx context.Context, docs *projection.Docs[account], e event.Event[deposited]) error {
			if e.Data.Cents != 13 || failures == 0 {
				return nil
			}
			failures--
			if failures == 0 {
				panic("bad luck")
			}
			return errors.New("bad luck")
		})
		stop := start(t, p)
		defer stop()
		waitFor(t, p, deposit(t, st, "ann", 1, 13, 1))
		if doc, _, _ := p.Get(t.Context(), "ann"); doc != (account{15, 3}) {
			t.Errorf("after three failures the document is %+v, want each event applied once", doc)
		}
	})
}

func TestEventThatKeepsFailingHaltsAndIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{Retry: consumer.Retry{Attempts: 4}})
		projection.OnAny(p, func(_ context.Context, _ *projection.Docs[account], r event.Record) error {
			if r.Position == 2 {
				return errors.New("cannot")
			}
			return nil
		})
		deposit(t, st, "ann", 1, 2, 4)
		err := p.Run(t.Context())
		var halt *consumer.HaltError
		if !errors.As(err, &halt) || halt.Record.Position != 2 || halt.Attempts != 4 {
			t.Fatalf("Run returned %v, want a halt at position 2 after 4 attempts", err)
		}
		if want := `projection accounts: halted at position 2 (account.deposited in "account-ann", revision 2) after 4 attempts: cannot`; err.Error() != want {
			t.Errorf("the error reads\n%s\nwant\n%s", err, want)
		}
		if doc, _, _ := p.Get(t.Context(), "ann"); doc != (account{1, 1}) {
			t.Errorf("the events before it made %+v", doc)
		}
	})
}

func TestASecondRunStandsByAndTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		first, second := accounts(t, st, projection.Config{}), accounts(t, st, projection.Config{})
		stopFirst := start(t, first)
		waitFor(t, first, deposit(t, st, "ann", 1))
		stopSecond := start(t, second)
		last := deposit(t, st, "ann", 1)
		waitFor(t, second, last) // which it does not apply itself
		if stats, err := second.Stats(t.Context()); err != nil || stats.Works || stats.Applied > 0 {
			t.Errorf("the second run works too: %+v, %v", stats, err)
		}
		if err := stopFirst(); err != nil {
			t.Error(err)
		}
		waitFor(t, second, deposit(t, st, "ann", 1))
		if doc, _, _ := second.Get(t.Context(), "ann"); doc != (account{3, 3}) {
			t.Errorf("two runs made %+v", doc)
		}
		if stats, err := second.Stats(t.Context()); err != nil || !stats.Works {
			t.Errorf("the second run did not take over: %+v, %v", stats, err)
		}
		if err := stopSecond(); err != nil {
			t.Error(err)
		}
	})
}

func TestMistakesAreNamed(t *testing.T) {
	st := newStore(t)
	for want, cfg := range map[string]projection.Config{
		"projection p: Batch: is negative":          {Batch: -1},
		"projection p: Retry.Attempts: is negative": {Retry: consumer.Retry{Attempts: -1}},
	} {
		if _, err := projection.New[account](st, "p", cfg); err == nil || err.Error() != want {
			t.Errorf("New returned %v, want %s", err, want)
		}
	}
	for _, name := range []string{"", "a\nb", "repos/next", strings.Repeat("x", 201)} {
		if _, err := projection.New[account](st, name, projection.Config{}); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("a projection called %.20q: %v", name, err)
		}
	}
	empty, _ := projection.New[account](st, "empty", projection.Config{})
	if err := empty.Run(t.Context()); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("Run without handlers: %v", err)
	}
}

func TestGetHandsOutCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p, err := projection.New[map[string]int](st, "maps", projection.Config{})
		if err != nil {
			t.Fatal(err)
		}
		projection.On(p, func(ctx context.Context, docs *projection.Docs[map[string]int], e event.Event[deposited]) error {
			doc, ok, err := docs.Get(ctx, "all")
			if err != nil {
				return err
			}
			if ok {
				doc["scribble"]++ // not put back, so nobody may see it
				return nil
			}
			return docs.Put("all", map[string]int{"first": int(e.Data.Cents)})
		})
		last := deposit(t, st, "ann", 5, 6, 7)
		stop := start(t, p)
		defer stop()
		if err := p.WaitFor(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if got := dump(t, p); got != "all={\"first\":5}\n" {
			t.Errorf("documents: %s", got)
		}
	})
}
