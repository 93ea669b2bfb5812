package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// number returns the number in an item of bucket "sums".
func number(t *testing.T, st *store.Store, key string) int {
	t.Helper()
	item, err := st.Get(t.Context(), "sums", key)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(string(item.Value))
	return n
}

// add adds to the number in an item, in the transaction of ctx.
func add(ctx context.Context, key string, n int) error {
	tx := consumer.Transaction(ctx)
	item, err := tx.Get(ctx, "sums", key)
	if err != nil {
		return err
	}
	sum, _ := strconv.Atoi(string(item.Value))
	return tx.Put("sums", key, strconv.AppendInt(nil, int64(sum+n), 10))
}

// sum adds each order's numbers up, and pays for each.
func sum(ctx context.Context, e event.Event[orderPlaced]) error {
	if err := add(ctx, e.Data.Order, e.Data.N); err != nil {
		return err
	}
	return consumer.Transaction(ctx).Append(orderPaid{e.Data.Order})
}

func paid(t *testing.T, st *store.Store) (records []event.Record) {
	t.Helper()
	for r, err := range st.Read(t.Context(), store.Where(store.Filter{Types: []string{"order.paid"}})) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func TestATransactionIsCommittedWithTheCheckpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		c := newConsumer(t, st, consumer.Config{Source: "/billing"}, consumer.On(sum))
		stop := start(t, c)
		waitFor(t, c, place(t, st, "a", 1, 2, 3))
		if got := number(t, st, "a"); got != 6 {
			t.Errorf("the sum is %d, want 6: each record sees what the one before has written", got)
		}
		records := paid(t, st)
		if len(records) != 3 {
			t.Fatalf("%d orders are paid, want 3", len(records))
		}
		var placed event.Record
		for r := range st.Read(t.Context(), store.Query{Limit: 1}) {
			placed = r
		}
		if r := records[0]; r.CausationID != placed.ID || r.CorrelationID != placed.CorrelationID || r.Source != "/billing" {
			t.Errorf("what was appended is %+v, and not linked to its cause %+v", r.Metadata, placed.Metadata)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAFailedHandlerLeavesNothingOfItsTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		attempts := 0
		c := newConsumer(t, st, consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			if err := sum(ctx, e); err != nil {
				return err
			}
			if attempts++; attempts < 3 {
				return errDown
			}
			return nil
		}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 5))
		if n, events := number(t, st, "a"), len(paid(t, st)); n != 5 || events != 1 {
			t.Errorf("after 3 attempts the sum is %d and %d orders are paid, want 5 and 1", n, events)
		}
	})
}

func TestWhatARetryingMiddlewareCallsAgainCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		attempts := 0
		h := consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			if err := sum(ctx, e); err != nil {
				return err
			}
			if attempts++; attempts == 2 {
				panic("oops")
			}
			if attempts < 4 {
				return errDown
			}
			return nil
		}).With(middleware.Retry(middleware.RetryConfig{Attempts: 10}), middleware.Recover())
		c := newConsumer(t, st, consumer.Config{}, h)
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 5))
		if n, events := number(t, st, "a"), len(paid(t, st)); attempts != 4 || n != 5 || events != 1 {
			t.Errorf("after %d calls the sum is %d and %d orders are paid, want 5 and 1", attempts, n, events)
		}
	})
}

func TestTransactionSeesItsOwnWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		c := newConsumer(t, st, consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			for range 3 {
				if err := add(ctx, "own", e.Data.N); err != nil {
					return err
				}
			}
			tx := consumer.Transaction(ctx)
			if err := errors.Join(tx.Put("sums", "gone", []byte("1")), tx.Delete("sums", "gone")); err != nil {
				return err
			}
			if item, err := tx.Get(ctx, "sums", "gone"); err != nil || item.Revision != 0 {
				t.Errorf("what was deleted is read as %+v, %v", item, err)
			}
			value := []byte("before")
			err := tx.Put("sums", "copied", value)
			copy(value, "change")
			return err
		}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 2))
		if got := number(t, st, "own"); got != 6 {
			t.Errorf("the sum is %d, want 6", got)
		}
		if item, _ := st.Get(t.Context(), "sums", "copied"); string(item.Value) != "before" {
			t.Errorf("the item is %q, want what it was when it was put", item.Value)
		}
		if item, _ := st.Get(t.Context(), "sums", "gone"); item.Revision != 0 {
			t.Error("what was put and deleted is there")
		}
	})
}

func TestATransactionOutsideOfItsHandlerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var late *consumer.Tx
		c := newConsumer(t, st, consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			late = consumer.Transaction(ctx)
			return nil
		}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 2))
		for name, tx := range map[string]*consumer.Tx{"has returned": late, "that the handler was called": consumer.Transaction(t.Context())} {
			_, getErr := tx.Get(t.Context(), "sums", "a")
			for _, err := range []error{
				tx.Append(orderPaid{"a"}), tx.Put("sums", "a", nil), tx.Delete("sums", "a"), tx.Expect(store.NoStream("x")), getErr,
			} {
				if err == nil || name == "has returned" && !strings.Contains(err.Error(), name) {
					t.Errorf("a transaction whose handler %s returns %v", name, err)
				}
			}
		}
	})
}

func TestBadInputOfATransactionIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		c := newConsumer(t, st, consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			tx := consumer.Transaction(ctx)
			for want, err := range map[string]error{
				"bucket":         tx.Put("", "k", nil),
				"key: is empty":  tx.Delete("b", ""),
				"append <nil>":   tx.Append(nil),
				"append: encode": tx.Append(event.From("x", func() {})),
			} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to name %q", err, want)
				}
			}
			return nil
		}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 2))
	})
}

func TestAConditionThatFailsCallsTheHandlerAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		attempts := 0
		began := time.Now()
		c := newConsumer(t, st, consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			tx := consumer.Transaction(ctx)
			item, err := tx.Get(ctx, "sums", "shared")
			if err != nil {
				return err
			}
			if attempts++; attempts < 4 { // somebody else is faster
				if _, err := st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put("sums", "shared", []byte(strconv.Itoa(attempts)))}}); err != nil {
					return err
				}
			}
			return errors.Join(tx.Expect(store.ItemAt("sums", "shared", item.Revision)), add(ctx, "shared", 10))
		}))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1))
		if got := number(t, st, "shared"); got != 13 || attempts != 4 || time.Since(began) != 0 {
			t.Errorf("after %d attempts and %v the number is %d, want 13 after 4 at once", attempts, time.Since(began), got)
		}
	})
}

func TestAConditionThatNeverHoldsIsAFailureOfItsRecordAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		calls := 0
		cfg := consumer.Config{Retry: consumer.Retry{Attempts: 2}, Spent: consumer.Skip}
		c := newConsumer(t, st, cfg, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			if e.Data.Order == "bad" {
				calls++
				return errors.Join(add(ctx, "bad", 1), consumer.Transaction(ctx).Expect(store.StreamExists("nowhere")))
			}
			return sum(ctx, e)
		}))
		place(t, st, "bad", 1)
		var last store.Position
		for n := range 50 {
			last = place(t, st, fmt.Sprint("fine-", n), 1)
		}
		defer start(t, c)()
		waitFor(t, c, last)
		if got := len(paid(t, st)); got != 50 {
			t.Errorf("%d of 50 others are paid", got)
		}
		if calls != 12 || number(t, st, "bad") != 0 {
			t.Errorf("the bad one was called %d times and left %d, want 2 attempts of 6 calls and nothing", calls, number(t, st, "bad"))
		}
	})
}

// Two transactions that are finished at the same time must not be joined when one depends on what the other changes.
func TestTransactionsThatTouchEachOtherDoNotShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		c := newConsumer(t, st, consumer.Config{Workers: 16}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			tx := consumer.Transaction(ctx)
			item, err := tx.Get(ctx, "sums", "all")
			if err != nil {
				return err
			}
			time.Sleep(time.Millisecond) // so that all have read it
			n, _ := strconv.Atoi(string(item.Value))
			return errors.Join(tx.Put("sums", "all", strconv.AppendInt(nil, int64(n+1), 10)), tx.Expect(store.ItemAt("sums", "all", item.Revision)))
		}))
		var last store.Position
		for n := range 16 {
			last = place(t, st, fmt.Sprint(n), 1)
		}
		defer start(t, c)()
		waitFor(t, c, last)
		if got := number(t, st, "all"); got != 16 {
			t.Errorf("16 keys counted one number up to %d", got)
		}
	})
}

// Each of two handlers writes one item if the other is not there. While a third one's commit is under way both are finished; joined into one
// commit, both conditions would hold.
func TestTransactionsThatExcludeEachOtherDoNotShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.New(&slowly{Driver: memory.New(), append: 10 * time.Millisecond}, store.Config{})
		defer st.Close()
		other := map[string]string{"left": "right", "right": "left"}
		c := newConsumer(t, st, consumer.Config{Slots: 1}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			tx := consumer.Transaction(ctx)
			if e.Data.Order == "third" {
				return tx.Put("sums", "third", []byte("1"))
			}
			time.Sleep(time.Millisecond)
			item, err := tx.Get(ctx, "sums", other[e.Data.Order])
			if err != nil || item.Revision > 0 {
				return err
			}
			return errors.Join(tx.Expect(store.ItemAt("sums", item.Key, 0)), tx.Put("sums", e.Data.Order, []byte("1")))
		}))
		defer start(t, c)()
		synctest.Wait()
		records := make([]event.Record, 0, 3)
		for _, order := range []string{"third", "left", "right"} {
			records = append(records, event.Record{
				Metadata: event.Metadata{Type: "order.placed"}, Place: event.Place{Stream: order}, Data: []byte(`{"Order":"` + order + `"}`),
			})
		}
		receipt, err := st.Commit(t.Context(), store.Commit{Events: records})
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, c, receipt.Last)
		if left, right := number(t, st, "left"), number(t, st, "right"); left+right != 1 {
			t.Errorf("left is %d and right is %d, want one of them", left, right)
		}
	})
}

func TestTransactionsOfManyKeysShareACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &counting{Driver: memory.New(), pause: time.Millisecond}
		st := store.New(driver, store.Config{})
		defer st.Close()
		var last store.Position
		for n := range 200 {
			last = place(t, st, fmt.Sprint(n), 1)
		}
		c := newConsumer(t, st, consumer.Config{Slots: 1}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			return add(ctx, e.Data.Order, 1)
		}))
		before := driver.commits.Load()
		defer start(t, c)()
		waitFor(t, c, last)
		if n := driver.commits.Load() - before; n > 20 {
			t.Errorf("200 transactions took %d commits", n)
		}
		for n := range 200 {
			if number(t, st, fmt.Sprint(n)) != 1 {
				t.Errorf("item %d was not put", n)
			}
		}
	})
}

func TestACommitterHearsOfWhatIsAppendedAndItsAfterthoughtsUndoNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		heard := &hearing{st: st}
		c := newConsumer(t, st, consumer.Config{Committer: heard}, consumer.On(sum))
		defer start(t, c)()
		waitFor(t, c, place(t, st, "a", 1, 2))
		if got := len(paid(t, st)); got != 2 || heard.events != 2 {
			t.Errorf("%d are paid and the committer heard of %d, want 2", got, heard.events)
		}
	})
}

type hearing struct {
	st     *store.Store
	events int
}

func (h *hearing) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	receipt, err := h.st.Commit(ctx, c)
	if err == nil && len(c.Events) > 0 {
		h.events += len(c.Events)
		return receipt, errors.New("a subscription failed")
	}
	return receipt, err
}
