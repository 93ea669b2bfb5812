package projection_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// many appends n deposits in few commits.
func many(t *testing.T, st *store.Store, n int, data func(i int) string) store.Position {
	t.Helper()
	var last store.Position
	for from := 0; from < n; from += 1000 {
		var c store.Commit
		for i := from; i < min(n, from+1000); i++ {
			c.Events = append(c.Events, event.Record{
				Metadata: event.Metadata{Type: "account.deposited"},
				Place:    event.Place{Stream: fmt.Sprint("account-", i%10)}, Data: []byte(data(i)),
			})
		}
		receipt, err := st.Commit(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		last = receipt.Last
	}
	return last
}

func cent(i int) string { return fmt.Sprintf(`{"Account":"account-%d","Cents":1}`, i%10) }

func TestEventsDecodedAheadAreAppliedInOrder(t *testing.T) {
	st := newStore(t)
	last := many(t, st, 25_000, cent)
	p := accounts(t, st, projection.Config{})
	var expect store.Position
	projection.OnAny(p, func(_ context.Context, _ *projection.Docs[account], r event.Record) error {
		if expect++; r.Position != expect {
			return consumer.Permanent(fmt.Errorf("event %d came where %d was due", r.Position, expect))
		}
		return nil
	})
	projection.On(p, func(_ context.Context, _ *projection.Docs[account], e event.Event[deposited]) error {
		if e.Position != expect || e.Data.Account != strings.TrimPrefix(e.Stream, "account-") && "account-"+e.Data.Account[8:] != e.Stream {
			return consumer.Permanent(fmt.Errorf("at %d came the data of %q at %d", expect, e.Data.Account, e.Position))
		}
		return nil
	})
	stop := start(t, p)
	waitFor(t, p, last)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if doc, _, _ := p.Get(t.Context(), "account-3"); doc != (account{2500, 2500}) {
		t.Errorf("an account of 2,500 events is %+v", doc)
	}
}

func TestAnEventThatCannotBeReadHaltsAtOnceFarBehindToo(t *testing.T) {
	st := newStore(t)
	many(t, st, 3000, func(i int) string {
		if i == 2222 {
			return `{"Cents":"many"}`
		}
		return cent(i)
	})
	p := accounts(t, st, projection.Config{})
	err := p.Run(t.Context())
	if halt, ok := errors.AsType[*consumer.HaltError](err); !ok || halt.Record.Position != 2223 || halt.Attempts != 1 {
		t.Fatalf("Run returned %v", err)
	}
	total := int64(0)
	for doc, err := range p.All(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		total += doc.Value.Cents
	}
	if total != 2222 {
		t.Errorf("%d events were applied before it, want 2,222", total)
	}
}

func TestAHandlerThatIsCalledAgainGetsWhatWasStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := orders(t, st, projection.Config{})
		failures := 2
		projection.On(p, func(_ context.Context, _ *projection.Docs[order], e event.Event[put]) error {
			if e.Data.Labels[0] != "red" {
				return consumer.Permanent(fmt.Errorf("it got %q", e.Data.Labels))
			}
			e.Data.Labels[0] = "scribble"
			if failures--; failures >= 0 {
				return errors.New("not yet")
			}
			return nil
		})
		last := publish(t, st, put{Order: "1", Customer: "ann", Labels: []string{"red"}})
		stop := start(t, p)
		if err := p.WaitFor(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestMoreThanACommitMayHaveIsSplit(t *testing.T) {
	st := newStore(t)
	p, err := projection.New[string](st, "large", projection.Config{Batch: 100, Logger: slog.New(slog.DiscardHandler), Retry: consumer.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	projection.On(p, func(_ context.Context, docs *projection.Docs[string], e event.Event[deposited]) error {
		for i := range e.Data.Cents {
			if err := docs.Put(fmt.Sprint(e.Position, "-", i), "x"); err != nil {
				return err
			}
		}
		return nil
	})
	last := deposit(t, st, "ann", 4900, 6000, 1) // the first two do not fit into one commit
	stop := start(t, p)
	if err := p.WaitFor(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, err := range p.All(t.Context(), "", "") {
		if n++; err != nil {
			t.Fatal(err)
		}
	}
	if n != 10_901 {
		t.Errorf("there are %d documents, want 10,901", n)
	}
	deposit(t, st, "ann", 10_001)
	err = p.Run(t.Context())
	if halt, ok := errors.AsType[*consumer.HaltError](err); !ok || halt.Record.Position != last+1 || !strings.Contains(err.Error(), "let one event change fewer documents") {
		t.Errorf("Run returned %v", err)
	}
}

func TestADocumentThatCannotBeWrittenNamesItsEvent(t *testing.T) {
	st := newStore(t)
	p, err := projection.New[map[string]any](st, "bad", projection.Config{Retry: consumer.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	projection.On(p, func(ctx context.Context, docs *projection.Docs[map[string]any], e event.Event[deposited]) error {
		if e.Data.Account == "nowhere" {
			return docs.Put("", nil)
		}
		return docs.Update(ctx, e.Data.Account, func(m *map[string]any) {
			*m = map[string]any{"cents": e.Data.Cents}
			if e.Data.Cents == 3 {
				(*m)["fn"] = func() {}
			}
		})
	})
	deposit(t, st, "ann", 1, 2)
	deposit(t, st, "bob", 3)
	deposit(t, st, "zoe", 4)
	halt, ok := errors.AsType[*consumer.HaltError](p.Run(t.Context()))
	if !ok || halt.Record.Position != 3 || !strings.Contains(halt.Error(), `encode document "bob"`) {
		t.Errorf("Run returned %v", halt)
	}
}

func TestDocumentsThatNoLongerFitInMemoryAreReadAgain(t *testing.T) {
	st := newStore(t)
	p := accounts(t, st, projection.Config{Batch: 7, Cache: 1})
	last := many(t, st, 500, cent)
	stop := start(t, p)
	waitFor(t, p, last)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	checkAgainstAView(t, p)
}

func TestHandlersAreFoundAmongMethods(t *testing.T) {
	st := newStore(t)
	p, err := projection.New[account](st, "methods", projection.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{}
	projection.Methods(p, l)
	stop := start(t, p)
	deposit(t, st, "ann", 1, 2)
	if err := p.WaitFor(t.Context(), publish(t, st, closed{"bob"})); err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if doc, _, _ := p.Get(t.Context(), "ann"); doc != (account{3, 2}) {
		t.Errorf("ann is %+v", doc)
	}
	if want := []string{"1 account.deposited", "2 account.deposited", "3 account.closed", "bob"}; !slices.Equal(l.seen, want) {
		t.Errorf("methods saw %q, want %q", l.seen, want)
	}
}

// ledger has handlers of every shape, and a method that is none.
type ledger struct{ seen []string }

type accountDocs = projection.Docs[account]

func (l *ledger) All(_ context.Context, _ *accountDocs, r event.Record) error {
	l.seen = append(l.seen, fmt.Sprint(r.Position, " ", r.Type))
	return nil
}

func (l *ledger) Deposit(ctx context.Context, docs *accountDocs, e event.Event[deposited]) error {
	return docs.Update(ctx, e.Data.Account, func(a *account) { a.Cents += e.Data.Cents; a.Events++ })
}

func (l *ledger) Close(_ context.Context, _ *accountDocs, e closed) error {
	l.seen = append(l.seen, e.Account)
	return nil
}

func (l *ledger) Total() int { return 0 }

type misfits struct{}

func (misfits) NoContext(*accountDocs, deposited) error                    { return nil }
func (misfits) NoError(context.Context, *accountDocs, deposited)           {}
func (misfits) Variadic(context.Context, *accountDocs, ...deposited) error { return nil }
func (misfits) Pointer(context.Context, *accountDocs, *deposited) error    { return nil }
func (misfits) Good(context.Context, *accountDocs, deposited) error        { return nil }

func TestMethodsThatAlmostFitAreNamed(t *testing.T) {
	st := newStore(t)
	for _, x := range []any{misfits{}, nil, (*ledger)(nil), ledger{}, struct{}{}} {
		p, err := projection.New[account](st, "methods", projection.Config{})
		if err != nil {
			t.Fatal(err)
		}
		projection.Methods(p, x)
		err = p.Run(t.Context())
		if !errors.Is(err, event.ErrInvalid) {
			t.Errorf("Methods(%T) gives %v", x, err)
		}
		if _, ok := x.(misfits); ok {
			for _, name := range []string{"NoContext", "NoError", "Variadic", "Pointer"} {
				if !strings.Contains(err.Error(), name+"(") {
					t.Errorf("%s is not named in %v", name, err)
				}
			}
		}
	}
}

// gate holds up commits of documents while it is shut.
type gate struct {
	store.Driver
	shut    atomic.Bool
	waiting chan struct{} // gets something for each commit that waits
	open    chan struct{}
}

func (g *gate) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if g.shut.Load() && slices.ContainsFunc(c.Items, func(w store.ItemWrite) bool { return strings.HasPrefix(w.Bucket, "oxbow.projection/") }) {
		g.waiting <- struct{}{}
		<-g.open // whatever ctx says: the process is paused
		ctx = context.WithoutCancel(ctx)
	}
	return g.Driver.Append(ctx, c)
}

// asleep is a driver whose process is paused: no call of it returns.
type asleep struct {
	*gate
	paused atomic.Bool
}

func (a *asleep) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if a.paused.Load() && !slices.ContainsFunc(c.Items, func(w store.ItemWrite) bool { return strings.HasPrefix(w.Bucket, "oxbow.projection/") }) {
		<-ctx.Done() // renewals do not get through
		return store.Receipt{}, ctx.Err()
	}
	return a.gate.Append(ctx, c)
}

func TestAPausedProcessThatWakesUpCommitsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := memory.New()
		defer driver.Close()
		sleeper := &asleep{gate: &gate{Driver: driver, waiting: make(chan struct{}, 1), open: make(chan struct{})}}
		cfg := projection.Config{}
		paused := accounts(t, store.New(sleeper, store.Config{}), cfg)
		st := store.New(shared{driver}, store.Config{})
		other := accounts(t, st, cfg)
		stopPaused := start(t, paused)
		waitFor(t, paused, deposit(t, st, "ann", 1))
		stopOther := start(t, other)

		sleeper.shut.Store(true)
		sleeper.paused.Store(true)
		last := deposit(t, st, "ann", 2)
		<-sleeper.waiting // it has applied the event, and is about to commit
		waitFor(t, other, last)
		if stats, err := other.Stats(t.Context()); err != nil || !stats.Works {
			t.Errorf("nobody took over: %+v, %v", stats, err)
		}
		waitFor(t, other, deposit(t, st, "ann", 3)) // which the paused one knows nothing of
		want := dump(t, other)
		sleeper.shut.Store(false)
		sleeper.paused.Store(false)
		close(sleeper.open)
		synctest.Wait()
		if got := dump(t, other); got != want {
			t.Errorf("when it woke up it made of the documents %s, want %s", got, want)
		}
		time.Sleep(time.Minute)
		if got := dump(t, other); got != want || want != "ann={\"Cents\":6,\"Events\":3}\n" {
			t.Errorf("after it woke up the documents are %s, want %s", got, want)
		}
		waitFor(t, other, deposit(t, st, "ann", 4))
		waitFor(t, paused, 4)
		if err := errors.Join(stopPaused(), stopOther()); err != nil {
			t.Error(err)
		}
		if doc, _, _ := other.Get(t.Context(), "ann"); doc != (account{10, 4}) {
			t.Errorf("in the end ann is %+v", doc)
		}
	})
}

func TestWaitForIsRightWhereAnotherProcessWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		works, stands, looks := accounts(t, st, projection.Config{}), accounts(t, st, projection.Config{}), accounts(t, st, projection.Config{})
		stopWorks := start(t, works)
		waitFor(t, works, deposit(t, st, "ann", 1))
		stopStands := start(t, stands)
		for i := range 20 {
			last := deposit(t, st, "ann", 1)
			waitFor(t, stands, last)
			if doc, _, _ := stands.Get(t.Context(), "ann"); doc.Events != i+2 {
				t.Errorf("after waiting, a reader sees %d events, want %d", doc.Events, i+2)
			}
		}
		other := publish(t, st, event.From("weather.seen", nil)) // an event for nobody here
		began := time.Now()
		waitFor(t, stands, other)
		waitFor(t, looks, other)
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("behind an event for nobody, it waited %v", took)
		}
		if err := errors.Join(stopWorks(), stopStands()); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := looks.WaitFor(ctx, deposit(t, st, "ann", 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with nobody at work, WaitFor returned %v", err)
		}
	})
}

func TestStatsTellTheLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{})
		deposit(t, st, "ann", 1, 2, 3)
		time.Sleep(time.Minute)
		stats, err := p.Stats(t.Context())
		if err != nil || stats.Lag != 3 || stats.Behind != time.Minute || stats.Works || stats.Head != 3 {
			t.Errorf("before a run, stats are %+v, %v", stats, err)
		}
		stop := start(t, p)
		waitFor(t, p, 3)
		stats, err = p.Stats(t.Context())
		if err != nil || stats.Lag != 0 || stats.Behind != 0 || !stats.Works || stats.Position != 3 || stats.Applied != 3 || stats.Rate != 3 {
			t.Errorf("after three events, stats are %+v, %v", stats, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// counted counts the commits of a memory store.
type counted struct {
	*memory.Memory
	commits atomic.Int64
}

func (c *counted) Append(ctx context.Context, commit store.Commit) (store.Receipt, error) {
	c.commits.Add(1)
	return c.Memory.Append(ctx, commit)
}

func TestAnIdleProjectionWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &counted{Memory: memory.New()}
		st := store.New(driver, store.Config{})
		defer st.Close()
		p := accounts(t, st, projection.Config{})
		stop := start(t, p)
		waitFor(t, p, deposit(t, st, "ann", 1))
		before := driver.commits.Load()
		for range 50 {
			publish(t, st, event.From("weather.seen", nil))
			synctest.Wait()
		}
		time.Sleep(5 * time.Second) // what it passed is saved once
		if n := driver.commits.Load() - before - 50; n != 1 {
			t.Errorf("50 events for nobody cost %d commits", n)
		}
		before = driver.commits.Load()
		time.Sleep(time.Hour)
		if n := driver.commits.Load() - before; n > 0 {
			t.Errorf("there were %d commits in an idle hour", n)
		}
		if s, err := p.Stats(t.Context()); err != nil || s.Position != 51 {
			t.Errorf("stats are %+v, %v", s, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
