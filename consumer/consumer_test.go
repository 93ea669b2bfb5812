package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type orderPlaced struct {
	Order string
	N     int
}

func (orderPlaced) EventType() string     { return "order.placed" }
func (o orderPlaced) AggregateID() string { return o.Order }

type orderPaid struct{ Order string }

func newStore(t *testing.T) *store.Store {
	t.Helper()
	st := store.New(memory.New(), store.Config{})
	t.Cleanup(func() { st.Close() })
	return st
}

func place(t *testing.T, st *store.Store, order string, numbers ...int) (last store.Position) {
	t.Helper()
	for _, n := range numbers {
		receipt, err := st.Append(t.Context(), orderPlaced{order, n})
		if err != nil {
			t.Fatal(err)
		}
		last = receipt.Last
	}
	return last
}

func newConsumer(t *testing.T, st *store.Store, cfg consumer.Config, handlers ...consumer.Handler) *consumer.Consumer {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c, err := consumer.New(st, "billing", cfg, handlers...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// start runs c until the returned function is called, which returns what Run returned.
func start(t *testing.T, c *consumer.Consumer) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- c.Run(ctx) }()
	return func() error { cancel(); return <-result }
}

func waitFor(t *testing.T, c *consumer.Consumer, position store.Position) {
	t.Helper()
	if err := c.WaitFor(t.Context(), position); err != nil {
		t.Fatal(err)
	}
}

func checkpoint(t *testing.T, st *store.Store) store.Position {
	t.Helper()
	position, err := consumer.Checkpoint(context.WithoutCancel(t.Context()), st, "billing")
	if err != nil {
		t.Fatal(err)
	}
	return position
}

// calls records what handlers saw.
type calls struct {
	mu   sync.Mutex
	seen []event.Record
}

func (c *calls) handle(_ context.Context, r event.Record) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, r)
	return nil
}

func (c *calls) positions() (positions []store.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.seen {
		positions = append(positions, r.Position)
	}
	return positions
}

func TestRecordsOfOneKeyStayInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		for n := range 300 {
			place(t, st, fmt.Sprint("order-", n%7), n)
		}
		var seen calls
		c := newConsumer(t, st, consumer.Config{Workers: 4}, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
			time.Sleep(time.Duration(r.Position%5) * time.Millisecond) // fake time: handlers of different speed
			return seen.handle(ctx, r)
		}))
		defer start(t, c)()
		waitFor(t, c, 300)
		revisions := map[string]uint64{}
		for _, r := range seen.seen {
			if r.Revision != revisions[r.Stream]+1 {
				t.Fatalf("%s: revision %d came after %d", r.Stream, r.Revision, revisions[r.Stream])
			}
			revisions[r.Stream] = r.Revision
		}
		if len(seen.seen) != 300 {
			t.Errorf("%d calls for 300 records", len(seen.seen))
		}
	})
}

func TestDifferentKeysAreHandledAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		for n := range 64 {
			place(t, st, fmt.Sprint("order-", n), n)
		}
		began := time.Now()
		c := newConsumer(t, st, consumer.Config{Workers: 16}, consumer.OnRecord(func(context.Context, event.Record) error {
			time.Sleep(time.Second) // fake time
			return nil
		}))
		defer start(t, c)()
		waitFor(t, c, 64)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("64 keys of one second each took %v with 16 workers", took)
		}
	})
}

func TestRestartGoesOnAfterTheCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var seen calls
		for round := range 10 {
			c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(seen.handle))
			stop := start(t, c)
			waitFor(t, c, place(t, st, "order", round, round))
			if err := stop(); err != nil {
				t.Fatalf("Run returned %v after its context ended, want nil", err)
			}
			if got, want := checkpoint(t, st), store.Position(2*round+2); got != want {
				t.Fatalf("after a calm stop the checkpoint is %d, want %d", got, want)
			}
		}
		if got := seen.positions(); len(got) != 20 {
			t.Errorf("20 records over 10 calm restarts were handled %d times", len(got))
		}
	})
}

func TestCheckpointNeverPassesARecordThatIsNotHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "slow", 1)
		for n := range 50 {
			place(t, st, fmt.Sprint("fast-", n), n)
		}
		var seen calls
		release := make(chan struct{})
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
			if r.Stream == "order-slow" {
				<-release
			}
			return seen.handle(ctx, r)
		}))
		stop := start(t, c)
		synctest.Wait()
		if got := checkpoint(t, st); got != 0 {
			t.Errorf("the checkpoint is %d while record 1 is being handled", got)
		}
		if got := len(seen.positions()); got == 0 {
			t.Error("a slow key holds up all others")
		}
		close(release)
		waitFor(t, c, 51)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got := checkpoint(t, st); got != 51 {
			t.Errorf("in the end the checkpoint is %d, want 51", got)
		}
	})
}

func TestCrashHandlesAgainWhatWasNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &failing{Driver: memory.New()}
		st := store.New(driver, store.Config{})
		defer st.Close()
		place(t, st, "a", 1, 2, 3)
		driver.fail = errors.New("power cut")
		var seen calls
		err := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(seen.handle)).Run(t.Context())
		if !errors.Is(err, driver.fail) {
			t.Fatalf("Run returned %v, want the store's error", err)
		}
		driver.fail = nil
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(seen.handle))
		defer start(t, c)()
		waitFor(t, c, 3)
		handled := map[store.Position]bool{}
		for _, p := range seen.positions() {
			handled[p] = true
		}
		if len(handled) != 3 {
			t.Errorf("handled %v, want each of 1 to 3 at least once", handled)
		}
	})
}

type failing struct {
	store.Driver
	fail error
}

func (f *failing) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if f.fail != nil {
		return store.Receipt{}, f.fail
	}
	return f.Driver.Append(ctx, c)
}

func TestFailedHandlerIsRetriedWithBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var log strings.Builder
		var at []time.Duration
		began := time.Now()
		c := newConsumer(t, st, consumer.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))},
			consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
				at = append(at, time.Since(began))
				switch len(at) {
				case 1:
					return errors.New("card service is down")
				case 2:
					panic("nil map")
				case 3:
					return consumer.RetryAfter(time.Minute, errors.New("busy"))
				}
				return nil
			}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1))
		if len(at) != 4 {
			t.Fatalf("%d attempts, want 4", len(at))
		}
		if wait := at[1] - at[0]; wait < 50*time.Millisecond || wait > 100*time.Millisecond {
			t.Errorf("the first wait is %v, want 50 to 100ms", wait)
		}
		if wait := at[2] - at[1]; wait < 100*time.Millisecond || wait > 200*time.Millisecond {
			t.Errorf("the second wait is %v, want 100 to 200ms", wait)
		}
		if wait := at[3] - at[2]; wait != time.Minute {
			t.Errorf("RetryAfter(1m) waited %v", wait)
		}
		for _, want := range []string{"card service is down", "nil map", "consumer=billing", "stream=order-a", "attempt=3"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the log does not tell %q:\n%s", want, log.String())
			}
		}
	})
}

func TestFailingKeyHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "broken", 0, 1)
		for n := range 1000 {
			place(t, st, fmt.Sprint("fine-", n), n)
		}
		var seen calls
		began := time.Now()
		c := newConsumer(t, st, consumer.Config{Workers: 1}, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
			if r.Stream == "order-broken" && time.Since(began) < time.Minute {
				return consumer.RetryAfter(time.Minute, errors.New("not yet"))
			}
			return seen.handle(ctx, r)
		}))
		defer start(t, c)()
		synctest.Wait()
		if n, took := len(seen.positions()), time.Since(began); n != 1000 || took != 0 {
			t.Errorf("after %v %d of 1000 records of other keys are handled", took, n)
		}
		waitFor(t, c, 1002)
		if got := seen.positions()[1000:]; fmt.Sprint(got) != "[1 2]" {
			t.Errorf("then came %v, want the broken key's records in order", got)
		}
	})
}

func TestAttemptsAreCountedForEachRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		failures := map[store.Position]int{}
		c := newConsumer(t, st, consumer.Config{Retry: consumer.Retry{Attempts: 3}}, consumer.OnRecord(func(_ context.Context, r event.Record) error {
			if failures[r.Position]++; failures[r.Position] < 3 {
				return errors.New("twice for each")
			}
			return nil
		}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1, 2, 3))
	})
}

func TestSpentAttemptsHaltAndNameTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "a", 1, 2)
		attempts := 0
		c := newConsumer(t, st, consumer.Config{Spent: consumer.Halt, Retry: consumer.Retry{Attempts: 3}},
			consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
				if e.Data.N == 2 {
					attempts++
					return errors.New("no such card")
				}
				return nil
			}))
		err := c.Run(t.Context())
		var halt *consumer.HaltError
		if !errors.As(err, &halt) || halt.Record.Position != 2 || halt.Attempts != 3 || attempts != 3 {
			t.Fatalf("Run returned %v after %d attempts", err, attempts)
		}
		if want := `consumer billing: halted at position 2 (order.placed in "order-a", revision 2) after 3 attempts: no such card`; err.Error() != want {
			t.Errorf("the error reads\n%s\nwant\n%s", err, want)
		}
		if got := checkpoint(t, st); got != 1 {
			t.Errorf("the checkpoint is %d, want 1: what was handled before", got)
		}
	})
}

func TestPermanentErrorIsNotRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "a", 1)
		attempts, began := 0, time.Now()
		c := newConsumer(t, st, consumer.Config{Spent: consumer.Halt}, consumer.OnRecord(func(context.Context, event.Record) error {
			attempts++
			return fmt.Errorf("while paying: %w", consumer.Permanent(errors.New("account closed")))
		}))
		if err := c.Run(t.Context()); err == nil || attempts != 1 || time.Since(began) != 0 {
			t.Errorf("Run returned %v after %d attempts and %v", err, attempts, time.Since(began))
		}
	})
}

func TestSkipGoesOnAndLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var seen calls
		var log strings.Builder
		cfg := consumer.Config{Spent: consumer.Skip, Retry: consumer.Retry{Attempts: 2}, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		c := newConsumer(t, st, cfg, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
			if r.Position == 2 {
				return errors.New("poison")
			}
			return seen.handle(ctx, r)
		}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1, 2, 3))
		if got := fmt.Sprint(seen.positions()); got != "[1 3]" {
			t.Errorf("handled %s, want [1 3]", got)
		}
		if !strings.Contains(log.String(), "record skipped") || !strings.Contains(log.String(), "poison") {
			t.Errorf("the skip is silent: %s", log.String())
		}
	})
}

func TestPublishingInAHandlerIsLinkedToItsCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		c := newConsumer(t, st, consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			_, err := st.Append(ctx, orderPaid{e.Data.Order})
			return err
		}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1)+1)
		var records []event.Record
		for r, err := range st.Read(t.Context(), store.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			records = append(records, r)
		}
		placed, paid := records[0], records[1]
		if paid.CausationID != placed.ID || paid.CorrelationID != placed.CorrelationID {
			t.Errorf("order.paid has causation %v and correlation %v, want %v and %v",
				paid.CausationID, paid.CorrelationID, placed.ID, placed.CorrelationID)
		}
	})
}

func TestStopLetsRunningHandlersFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		finished := false
		entered := make(chan struct{})
		c := newConsumer(t, st, consumer.Config{}, consumer.OnRecord(func(ctx context.Context, _ event.Record) error {
			close(entered)
			time.Sleep(5 * time.Second) // fake time
			finished = ctx.Err() == nil
			return nil
		}))
		stop := start(t, c)
		synctest.Wait() // until it has its slots
		place(t, st, "a", 1)
		<-entered
		if err := stop(); err != nil {
			t.Error(err)
		}
		if !finished {
			t.Error("the handler was cut short")
		}
		if got := checkpoint(t, st); got != 1 {
			t.Errorf("the checkpoint is %d, want 1", got)
		}
	})
}

func TestStopCancelsHandlersThatTakeTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		entered := make(chan struct{})
		c := newConsumer(t, st, consumer.Config{StopTimeout: 3 * time.Second}, consumer.OnRecord(func(ctx context.Context, _ event.Record) error {
			close(entered)
			<-ctx.Done()
			return ctx.Err()
		}))
		stop := start(t, c)
		place(t, st, "a", 1)
		<-entered
		began := time.Now()
		if err := stop(); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("Run returned %v after the stop, want 3s", took)
		}
		if got := checkpoint(t, st); got != 0 {
			t.Errorf("the checkpoint is %d: it passed a record that was not handled", got)
		}
	})
}

func TestRunTwiceAtOnceIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen calls
		c := newConsumer(t, newStore(t), consumer.Config{}, consumer.OnRecord(seen.handle))
		stop := start(t, c)
		synctest.Wait()
		if err := c.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "already running") {
			t.Errorf("the second Run returned %v", err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestFromNowSkipsHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "a", 1, 2)
		var seen calls
		c := newConsumer(t, st, consumer.Config{From: consumer.FromNow}, consumer.OnRecord(seen.handle))
		stop := start(t, c)
		waitFor(t, c, 2)
		if err := stop(); err != nil { // before it handled anything
			t.Fatal(err)
		}
		last := place(t, st, "a", 3)
		defer start(t, c)()
		waitFor(t, c, last)
		if got := fmt.Sprint(seen.positions()); got != "[3]" {
			t.Errorf("handled %s, want [3]", got)
		}
	})
}

func TestConsumerReadsOnlyWhatItsHandlersAreFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var orders []int
		c := newConsumer(t, st, consumer.Config{Filters: []store.Filter{{Stream: "order-b"}}},
			consumer.On(func(_ context.Context, e event.Event[orderPlaced]) error {
				orders = append(orders, e.Data.N)
				return nil
			}))
		place(t, st, "a", 1)
		place(t, st, "b", 2)
		if _, err := st.AppendTo(t.Context(), "order-b", []any{orderPaid{"b"}}); err != nil {
			t.Fatal(err)
		}
		defer start(t, c)()
		waitFor(t, c, 3)
		if fmt.Sprint(orders) != "[2]" {
			t.Errorf("handled %v, want [2]", orders)
		}
	})
}

func TestUndecodableRecordHaltsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		if _, err := st.Append(t.Context(), event.From("order.placed", []int{1})); err != nil {
			t.Fatal(err)
		}
		c := newConsumer(t, st, consumer.Config{Spent: consumer.Halt}, consumer.On(func(context.Context, event.Event[orderPlaced]) error { return nil }))
		var halt *consumer.HaltError
		if err := c.Run(t.Context()); !errors.As(err, &halt) || halt.Attempts != 1 {
			t.Errorf("Run returned %v, want a halt after one attempt", err)
		}
	})
}

func TestMistakesAreNamed(t *testing.T) {
	st := newStore(t)
	handler := consumer.On(func(context.Context, event.Event[orderPlaced]) error { return nil })
	for _, c := range []struct {
		name, want string
		cfg        consumer.Config
		handlers   []consumer.Handler
	}{
		{"", "consumer name: is empty", consumer.Config{}, []consumer.Handler{handler}},
		{"c", "handlers: there are none", consumer.Config{}, nil},
		{"c", "handlers: two are for order.placed", consumer.Config{}, []consumer.Handler{handler, handler}},
		{"c", "handlers: one is empty", consumer.Config{}, []consumer.Handler{{}}},
		{"c", "Workers: is negative", consumer.Config{Workers: -1}, []consumer.Handler{handler}},
		{"c", "Retry.First: is negative", consumer.Config{Retry: consumer.Retry{First: -1}}, []consumer.Handler{handler}},
		{"c", "Filters: ask for types that no handler is for", consumer.Config{Filters: []store.Filter{{Types: []string{"x"}}}}, []consumer.Handler{handler}},
		{"c", "any[0].stream", consumer.Config{Filters: []store.Filter{{Stream: "a\nb"}}}, []consumer.Handler{handler}},
		{"c", "has no name", consumer.Config{}, []consumer.Handler{consumer.On(func(context.Context, event.Event[struct{}]) error { return nil })}},
	} {
		_, err := consumer.New(st, c.name, c.cfg, c.handlers...)
		if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New returned %v, want %s", err, c.want)
		}
	}
}
