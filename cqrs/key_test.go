package cqrs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestACommandWithAKeyHappensOnce(t *testing.T) {
	st := newStore()
	var calls counter
	b := newBus(t, st, cqrs.Config{})
	handle(t, b, place(&calls))
	first := send(t, b, PlaceOrder{"7", "tea"}, cqrs.WithKey("k"))
	restarted := newBus(t, st, cqrs.Config{}) // as after a restart, or in another process
	handle(t, restarted, place(&calls))
	for _, b := range []*cqrs.CommandBus{b, restarted} {
		again := send(t, b, &PlaceOrder{"7", "tea"}, cqrs.WithKey("k"))
		if again.Result != first.Result || !again.Repeated || again.ID == first.ID {
			t.Errorf("sent again: %+v, want the result of %+v", again, first)
		}
		if again.Receipt.First != first.Receipt.First || again.Receipt.Last != first.Receipt.Last {
			t.Errorf("sent again: events at %d to %d, want those of %+v", again.Receipt.First, again.Receipt.Last, first.Receipt)
		}
	}
	calls.expect(t, "the handler ran", 1)
	expectRecords(t, st, "order.placed order-7")
	if send(t, b, PlaceOrder{"7", "tea"}, cqrs.WithKey("other")).Repeated {
		t.Error("another key was taken for the same")
	}
}

func TestACommandMayBringItsKey(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	var calls counter
	handle(t, b, func(_ context.Context, c Import) (int, error) { return calls.add(), nil }) // no events: the key is kept all the same
	for range 2 {
		if got := send(t, b, Import{ID: "a"}); got.Result != 1 {
			t.Errorf("got %+v, want the first result", got)
		}
	}
	if got := send(t, b, Import{ID: "a"}, cqrs.WithKey("the sender's")); got.Result != 2 {
		t.Errorf("got %+v, want that the sender's key goes first", got)
	}
	if got := send(t, b, Import{}); got.Result != 3 || send(t, b, Import{}).Result != 4 {
		t.Error("an empty key is none")
	}
}

func TestAnotherCommandUnderTheKeyIsRefused(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	var calls counter
	handle(t, b, place(&calls))
	handle(t, b, func(context.Context, CancelOrder) (int, error) { return calls.add(), nil })
	first := send(t, b, PlaceOrder{"7", "tea"}, cqrs.WithKey("k"))
	_, err := b.Send(t.Context(), PlaceOrder{"7", "milk"}, cqrs.WithKey("k"))
	expectError(t, err, cqrs.ErrKeyUsed, `key "k" is that of another command, a place.order sent at`, first.ID.String())
	_, err = b.Send(t.Context(), CancelOrder{"7"}, cqrs.WithKey("k"))
	expectError(t, err, cqrs.ErrKeyUsed)
	ctx := event.WithCause(t.Context(), event.Cause{UserID: "mallory"})
	_, err = b.Send(ctx, PlaceOrder{"7", "tea"}, cqrs.WithKey("k"))
	expectError(t, err, cqrs.ErrKeyUsed)
	var used *cqrs.KeyUsedError
	if !errors.As(err, &used) || used.Key != "k" || used.Name != "place.order" || used.ID != first.ID || used.Time.IsZero() {
		t.Errorf("error is %#v", used)
	}
	calls.expect(t, "handlers ran", 1)
}

func TestBadKeysAreRefused(t *testing.T) {
	b := newBus(t, newStore(), cqrs.Config{})
	var calls counter
	handle(t, b, func(context.Context, Import) (int, error) { return calls.add(), nil })
	for _, bad := range []string{"", strings.Repeat("k", 256), "a\nb", "\xff"} {
		_, err := b.Send(t.Context(), Import{}, cqrs.WithKey(bad))
		expectError(t, err, event.ErrInvalid, "key: ")
		if bad != "" {
			_, err = b.Send(t.Context(), Import{ID: bad})
			expectError(t, err, event.ErrInvalid, "key: ")
		}
	}
	calls.expect(t, "the handler ran", 0)
}

type secret struct{ C chan int }

func TestWhatCannotBeKeptIsRefused(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	var calls counter
	handle(t, b, func(context.Context, secret) (int, error) { return calls.add(), nil })
	_, err := b.Send(t.Context(), secret{make(chan int)}, cqrs.WithKey("k"))
	expectError(t, err, event.ErrInvalid, "key: needs a command that can be written as JSON")
	calls.expect(t, "the handler ran", 0)
	handle(t, b, func(context.Context, CancelOrder) (error, error) { calls.add(); return nil, nil })
	_, err = b.Send(t.Context(), CancelOrder{}, cqrs.WithKey("k"))
	expectError(t, err, event.ErrInvalid, "key: needs a result that can be read back", "the interface error")
	calls.expect(t, "the handler ran", 0)
	handle(t, b, func(context.Context, Tick) (cqrs.Outcome[chan int], error) {
		return cqrs.Outcome[chan int]{Result: make(chan int), Events: cqrs.Events{OrderPlaced{}}}, nil
	})
	_, err = b.Send(t.Context(), Tick{}, cqrs.WithKey("k"))
	expectError(t, err, event.ErrInvalid, "result: cannot be kept as JSON")
	expectRecords(t, st)
}

func TestAFailedCommandLeavesNoKey(t *testing.T) {
	b := newBus(t, newStore(), cqrs.Config{})
	var calls counter
	handle(t, b, func(context.Context, PlaceOrder) (int, error) {
		if n := calls.add(); n == 1 {
			return 0, errOutOfStock
		}
		return 7, nil
	})
	_, err := b.Send(t.Context(), PlaceOrder{}, cqrs.WithKey("k"))
	expectError(t, err, errOutOfStock)
	if got := send(t, b, PlaceOrder{}, cqrs.WithKey("k")); got.Result != 7 || got.Repeated {
		t.Errorf("got %+v, want that it is tried anew", got)
	}
}

func TestOfSeveralAtOnceInOneProcessTheHandlerSeesOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore()
		b := newBus(t, st, cqrs.Config{})
		var calls counter
		handle(t, b, func(_ context.Context, c PlaceOrder) (cqrs.Outcome[int], error) {
			time.Sleep(time.Second) // of the bubble
			return cqrs.Outcome[int]{Result: calls.add(), Events: cqrs.Events{OrderPlaced(c)}}, nil
		})
		var senders sync.WaitGroup
		for range 8 {
			senders.Go(func() {
				if got := send(t, b, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k")); got.Result != 1 {
					t.Errorf("got %+v", got)
				}
			})
		}
		synctest.Wait()
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		_, err := b.Send(impatient, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k"))
		expectError(t, err, context.Canceled)
		if waited := time.Since(began); waited != 0 {
			t.Errorf("waited %v for its turn after its context had ended", waited)
		}
		senders.Wait()
		calls.expect(t, "the handler ran", 1)
	})
}

func TestOfSeveralAtOnceInManyProcessesOneIsCommitted(t *testing.T) {
	st := newStore()
	var calls counter
	var started, senders sync.WaitGroup
	const n = 8
	started.Add(n)
	results := make([]cqrs.Reply, n)
	for i := range n {
		b := newBus(t, st, cqrs.Config{Attempts: 1}) // the conflict about the key takes no attempt
		handle(t, b, func(_ context.Context, c PlaceOrder) (cqrs.Outcome[int], error) {
			started.Done()
			started.Wait() // all handlers run before anything is committed
			return cqrs.Outcome[int]{
				Result:     calls.add(),
				Events:     cqrs.Events{OrderPlaced(c)},
				Conditions: []store.Condition{store.NoStream("order-7")}, // the loser may find this one broken first
			}, nil
		})
		senders.Go(func() { results[i] = send(t, b, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k")) })
	}
	senders.Wait()
	repeated := 0
	for _, r := range results {
		if r.Result != results[0].Result || r.Receipt.First != 1 {
			t.Errorf("got %+v and %+v, want one result", r, results[0])
		}
		if r.Repeated {
			repeated++
		}
	}
	if repeated != n-1 {
		t.Errorf("%d of %d were told that they repeat", repeated, n)
	}
	expectRecords(t, st, "order.placed order-7")
}

func TestACommandWhoseAnswerWasLostIsNotRepeated(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{Committer: &losing{Store: st}})
	var calls counter
	handle(t, b, place(&calls))
	_, err := b.Send(t.Context(), PlaceOrder{OrderID: "7"}, cqrs.WithKey("k"))
	expectError(t, err, context.DeadlineExceeded)
	if got := send(t, b, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k")); got.Result != 1 || !got.Repeated {
		t.Errorf("got %+v, want the first result", got)
	}
	expectRecords(t, st, "order.placed order-7")
}

// losing commits, and loses the answer.
type losing struct{ *store.Store }

func (l *losing) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if _, err := l.Store.Commit(ctx, c); err != nil {
		return store.Receipt{}, err
	}
	return store.Receipt{}, context.DeadlineExceeded
}

func TestEventsThatStoodThereBeforeLeaveTheKeyToo(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	var calls counter
	id := event.NewID()
	handle(t, b, func(_ context.Context, c PlaceOrder) (cqrs.Outcome[int], error) {
		return cqrs.Outcome[int]{Result: calls.add(), Events: cqrs.Events{cqrs.Event(OrderPlaced(c), event.WithID(id))}}, nil
	})
	send(t, b, PlaceOrder{OrderID: "7"})
	for range 2 {
		if got := send(t, b, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k")); got.Result != 2 || got.Receipt.First != 1 {
			t.Errorf("got %+v", got)
		}
	}
	calls.expect(t, "the handler ran", 2)
	expectRecords(t, st, "order.placed order-7")
}

func TestAKeyThatItsOwnHandlerUsesIsRefused(t *testing.T) {
	b := newBus(t, newStore(), cqrs.Config{})
	handle(t, b, func(ctx context.Context, c PlaceOrder) (int, error) {
		return cqrs.Send[int](ctx, b, c, cqrs.WithKey("k"))
	})
	_, err := b.Send(t.Context(), PlaceOrder{}, cqrs.WithKey("k"))
	expectError(t, err, event.ErrInvalid, `"k" is that of the command whose handler sends this one`)
}

func TestCommandsThatSendEachOtherDoNotWaitInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBus(t, newStore(), cqrs.Config{})
		var meet sync.WaitGroup
		meet.Add(2)
		handle(t, b, func(ctx context.Context, c PlaceOrder) (string, error) {
			meet.Done()
			meet.Wait() // both have their turn
			return cqrs.Send[string](ctx, b, Import{ID: c.Item})
		})
		handle(t, b, func(context.Context, Import) (string, error) { return "done", nil })
		var senders sync.WaitGroup
		for _, keys := range [][2]string{{"a", "b"}, {"b", "a"}} {
			senders.Go(func() {
				_, err := b.Send(t.Context(), PlaceOrder{Item: keys[1]}, cqrs.WithKey(keys[0]))
				if err != nil && !errors.Is(err, cqrs.ErrKeyUsed) { // the keys are those of two commands, after all
					t.Error(err)
				}
			})
		}
		senders.Wait() // the bubble fails when they wait for ever
	})
}

func TestADamagedRecordIsReported(t *testing.T) {
	st := newStore()
	b := newBus(t, st, cqrs.Config{})
	var calls counter
	handle(t, b, place(&calls))
	put(t, st, "k", "{")
	_, err := b.Send(t.Context(), PlaceOrder{}, cqrs.WithKey("k"))
	expectError(t, err, store.ErrDamaged, `item "k" in "oxbow.commands"`)
	calls.expect(t, "the handler ran", 0)
}

func put(t *testing.T, st *store.Store, key, value string) {
	t.Helper()
	if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(cqrs.Bucket, key, []byte(value))}}); err != nil {
		t.Fatal(err)
	}
}

func TestAKeyExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore()
		var calls counter
		expiring, lasting := newBus(t, st, cqrs.Config{}), newBus(t, st, cqrs.Config{NoExpiry: true})
		handle(t, expiring, place(&calls))
		handle(t, lasting, place(&calls))
		send(t, expiring, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k"))
		time.Sleep(7 * 24 * time.Hour)
		if got := send(t, expiring, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k")); got.Result != 1 {
			t.Errorf("after just a week: %+v", got)
		}
		time.Sleep(time.Nanosecond)
		if got := send(t, lasting, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k")); got.Result != 1 {
			t.Errorf("with NoExpiry: %+v", got)
		}
		for range 2 { // the second finds the record of the first
			if got := send(t, expiring, PlaceOrder{OrderID: "7"}, cqrs.WithKey("k")); got.Result != 2 {
				t.Errorf("after more than a week: %+v", got)
			}
		}
	})
}

func TestPurgeForgetsOldKeysAndNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore()
		b := newBus(t, st, cqrs.Config{})
		handle(t, b, func(context.Context, PlaceOrder) (int, error) { return 0, nil })
		for n := range 600 {
			send(t, b, PlaceOrder{}, cqrs.WithKey("old-"+strconv.Itoa(n)))
		}
		put(t, st, "damaged", "{")
		time.Sleep(time.Hour)
		for n := range 300 {
			send(t, b, PlaceOrder{}, cqrs.WithKey("new-"+strconv.Itoa(n)))
		}
		if n, err := b.Purge(t.Context(), time.Hour); n != 0 || !errors.Is(err, store.ErrDamaged) {
			t.Errorf("purged %d, error %v; want none yet", n, err)
		}
		time.Sleep(time.Nanosecond)
		n, err := b.Purge(t.Context(), time.Hour)
		if n != 600 {
			t.Errorf("purged %d, want 600", n)
		}
		expectError(t, err, store.ErrDamaged, "damaged")
		if left := keys(t, st); len(left) != 301 || left[0] != "damaged" || left[1] != "new-0" {
			t.Errorf("%d keys are left: %q…", len(left), left[:2])
		}
		_, err = b.Purge(t.Context(), -1)
		expectError(t, err, event.ErrInvalid, "older than: is -1ns")
		_, err = newBus(t, st, cqrs.Config{NoExpiry: true}).Purge(t.Context(), 0)
		expectError(t, err, event.ErrInvalid, "older than: is missing")
	})
}

func keys(t *testing.T, st *store.Store) (keys []string) {
	t.Helper()
	for item, err := range st.List(t.Context(), cqrs.Bucket, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, item.Key)
	}
	return keys
}

func TestRunPurgesUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore()
		b := newBus(t, st, cqrs.Config{Retention: 90 * time.Minute})
		handle(t, b, func(context.Context, PlaceOrder) (int, error) { return 0, nil })
		send(t, b, PlaceOrder{}, cqrs.WithKey("k"))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		time.Sleep(61 * time.Minute)
		if left := keys(t, st); len(left) != 1 {
			t.Errorf("after an hour %q are left", left)
		}
		time.Sleep(time.Hour)
		if left := keys(t, st); len(left) != 0 {
			t.Errorf("after two hours %q are left", left)
		}
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
}

// meddling sends a key again just before the first page of keys is purged.
type meddling struct {
	store.Driver
	meddle func()
}

func (m *meddling) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if meddle := m.meddle; len(c.Items) > 1 && meddle != nil {
		m.meddle = nil
		meddle()
	}
	return m.Driver.Append(ctx, c)
}

func TestPurgeLeavesWhatIsSentAgainMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := &meddling{Driver: memory.New()}
		st := store.New(driver, store.Config{})
		b := newBus(t, st, cqrs.Config{Retention: time.Hour})
		handle(t, b, func(context.Context, PlaceOrder) (int, error) { return 0, nil })
		for n := range 10 {
			send(t, b, PlaceOrder{}, cqrs.WithKey(strconv.Itoa(n)))
		}
		time.Sleep(2 * time.Hour)
		driver.meddle = func() { send(t, b, PlaceOrder{}, cqrs.WithKey("3")) }
		if n, err := b.Purge(t.Context(), 0); n != 9 || err != nil {
			t.Errorf("purged %d, %v; want 9", n, err)
		}
		if left := keys(t, st); len(left) != 1 || left[0] != "3" {
			t.Errorf("%q are left, want the one that was sent again", left)
		}
	})
}

func TestARecordIsKeptInThisForm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // in which it is 2000-01-01
		st := newStore()
		b := newBus(t, st, cqrs.Config{})
		handle(t, b, func(_ context.Context, c PlaceOrder) (cqrs.Outcome[[]string], error) {
			placed := cqrs.Event(OrderPlaced(c), event.WithID(parseID(t, "event")))
			return cqrs.Outcome[[]string]{Result: []string{"<7>"}, Events: cqrs.Events{placed}}, nil
		})
		send(t, b, PlaceOrder{"7", "tea"}, cqrs.WithKey("k"), cqrs.WithID(parseID(t, "command")))
		item, err := st.Get(t.Context(), "oxbow.commands", "k")
		want := `{"type":"place.order","id":"command","digest":"d54692ae460eb290608b8a302c1d8f4d2f7fe18113693b68521b91ec22a193e3",` +
			`"time":"2000-01-01T00:00:00Z","result":["<7>"],"events":1,"first":"event"}`
		if got := string(item.Value); err != nil || got != want {
			t.Errorf("the record is\n%s, want\n%s (%v)", got, want, err)
		}
	})
}

func parseID(t *testing.T, text string) event.ID {
	t.Helper()
	id, err := event.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Whatever bytes a record has, a command with its key ends with an error or with a result that it holds, and its handler does not run
// unless the record has expired.
func FuzzRecord(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"time":"2999-01-01T00:00:00Z","digest":"x"}`, `{"time":"2999-01-01T00:00:00Z","events":-1,"first":"a"}`,
		`{"type":"place.order","time":"2999-01-01T00:00:00Z","result":7}`, `{"events":9e99}`, `{"id":"\u0000"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		st := newStore()
		b := newBus(t, st, cqrs.Config{NoExpiry: true})
		handle(t, b, func(context.Context, PlaceOrder) (int, error) {
			t.Errorf("the handler ran beside the record %q", value)
			return 0, nil
		})
		put(t, st, "k", string(value))
		if reply, err := b.Send(t.Context(), PlaceOrder{}, cqrs.WithKey("k")); err == nil && !reply.Repeated {
			t.Errorf("the record %q gave %+v", value, reply)
		}
		if _, err := b.Purge(t.Context(), time.Hour); err != nil && !errors.Is(err, store.ErrDamaged) {
			t.Errorf("purging the record %q: %v", value, err)
		}
	})
}

func TestRunLogsWhatItCouldNotPurgeAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		st := newStore()
		put(t, st, "damaged", "{")
		b := newBus(t, st, cqrs.Config{Logger: slog.New(slog.NewTextHandler(&lines, nil))})
		ctx, stop := context.WithTimeout(t.Context(), 90*time.Minute)
		defer stop()
		if err := b.Run(ctx); err != nil {
			t.Errorf("Run returned %v", err)
		}
		if n := strings.Count(lines.String(), "idempotency keys not purged"); n != 2 {
			t.Errorf("%d lines, want one for each hour begun: %s", n, &lines)
		}
		lines.Reset()
		forever := newBus(t, st, cqrs.Config{NoExpiry: true})
		ctx, stop = context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := forever.Run(ctx); err != nil || lines.Len() > 0 {
			t.Errorf("with NoExpiry Run returned %v and logged %s", err, &lines)
		}
	})
}
