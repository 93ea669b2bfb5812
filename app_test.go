package oxbow_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type orderPlaced struct {
	Order string `json:"order"`
	Cents int64  `json:"cents"`
}

func (orderPlaced) EventType() string     { return "order.placed" }
func (o orderPlaced) AggregateID() string { return o.Order }

type orderPaid struct {
	Order string `json:"order"`
}

func (orderPaid) EventType() string     { return "order.paid" }
func (o orderPaid) AggregateID() string { return o.Order }

func newApp(t *testing.T) *oxbow.App {
	t.Helper()
	driver := memory.New()
	t.Cleanup(func() { driver.Close() })
	return oxbow.New(driver, oxbow.Config{Source: "/shop", Logger: slog.New(slog.DiscardHandler)})
}

// run runs the app until the returned function is called, which returns what Run returned.
func run(t *testing.T, a *oxbow.App) (stop func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- a.Run(ctx) }()
	return func() error { cancel(); return <-result }
}

func publish(t *testing.T, a *oxbow.App, data any, opts ...event.Option) store.Receipt {
	t.Helper()
	receipt, err := a.Publish(t.Context(), data, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func settle(t *testing.T, a *oxbow.App) {
	t.Helper()
	if err := a.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, a *oxbow.App) (records []event.Record) {
	t.Helper()
	for r, err := range a.Store().Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func TestPublishStoresThenDelivers(t *testing.T) {
	a := newApp(t)
	var got []event.Event[orderPlaced]
	oxbow.Subscribe(a, func(ctx context.Context, e event.Event[orderPlaced]) error {
		if head, err := a.Store().Head(ctx); err != nil || head != e.Position {
			t.Errorf("the handler runs while the store's head is %d, %v; want %d", head, err, e.Position)
		}
		got = append(got, e)
		return nil
	})
	publish(t, a, orderPlaced{"1", 100})
	receipt := publish(t, a, orderPlaced{"1", 200})
	if len(got) != 2 {
		t.Fatalf("the subscription got %d events, want 2", len(got))
	}
	e := got[1]
	if e.Data.Cents != 200 || e.Stream != "order-1" || e.Revision != 2 || e.Position != receipt.Last || e.Source != "/shop" {
		t.Errorf("the subscription got %+v", e)
	}
	if r := stored(t, a)[1]; r.ID != e.ID || string(r.Data) != `{"order":"1","cents":200}` || !r.Time.Equal(e.Time) {
		t.Errorf("stored %+v, delivered %+v", r, e)
	}
}

type refusing struct{ store.Driver }

func (refusing) Append(context.Context, store.Commit) (store.Receipt, error) {
	return store.Receipt{}, errors.New("disk full")
}

func TestWhatIsNotStoredIsNotDelivered(t *testing.T) {
	driver := memory.New()
	defer driver.Close()
	a := oxbow.New(refusing{driver}, oxbow.Config{})
	a.SubscribeTopic("**", func(_ context.Context, e event.Event[any]) error {
		t.Errorf("%s was delivered", e.Type)
		return nil
	})
	if _, err := a.Publish(t.Context(), orderPlaced{"1", 1}); err == nil || !strings.Contains(err.Error(), "publish order.placed: disk full") {
		t.Errorf("Publish returned %v", err)
	}
}

func TestRepeatedPublishStoresAndDeliversOnce(t *testing.T) {
	a := newApp(t)
	calls := 0
	oxbow.Subscribe(a, func(context.Context, event.Event[orderPlaced]) error { calls++; return nil })
	id := event.NewID()
	first := publish(t, a, orderPlaced{"1", 1}, event.WithID(id))
	second := publish(t, a, orderPlaced{"1", 1}, event.WithID(id))
	if calls != 1 || len(stored(t, a)) != 1 || second.Last != first.Last || !second.Repeated {
		t.Errorf("%d calls, %d stored, receipts %+v and %+v", calls, len(stored(t, a)), first, second)
	}
}

func TestHandlerErrorLeavesTheEventStored(t *testing.T) {
	a := newApp(t)
	refused := errors.New("no such customer")
	oxbow.Subscribe(a, func(context.Context, event.Event[orderPlaced]) error { return refused })
	receipt, err := a.Publish(t.Context(), orderPlaced{"1", 1})
	var failed *oxbow.DeliveryError
	if !errors.As(err, &failed) || !errors.Is(err, refused) || receipt.Last != 1 {
		t.Errorf("Publish returned %+v, %v", receipt, err)
	}
	if len(stored(t, a)) != 1 {
		t.Error("the event is not stored")
	}
}

func TestCommitDeliversWhatOthersMade(t *testing.T) {
	a := newApp(t)
	var got []string
	oxbow.Subscribe(a, func(_ context.Context, e event.Event[orderPlaced]) error {
		got = append(got, fmt.Sprintf("%s %d %d %d", e.Data.Order, e.Data.Cents, e.Revision, e.Position))
		return nil
	})
	publish(t, a, orderPlaced{"x", 9})
	records := []event.Record{
		{Metadata: event.Metadata{Type: "order.placed"}, Place: event.Place{Stream: "order-x"}, Data: []byte(`{"order":"x","cents":5}`)},
		{Metadata: event.Metadata{Type: "order.lost", ContentType: "text/plain"}, Place: event.Place{Stream: "order-x"}, Data: []byte("gone")},
		{Metadata: event.Metadata{Type: "order.placed"}, Place: event.Place{Stream: "order-x"}, Data: []byte(`{"order":"x","cents":6}`)},
	}
	var data []any
	a.SubscribeTopic("order.lost", func(_ context.Context, e event.Event[any]) error { data = append(data, e.Data); return nil })
	if _, err := a.Commit(t.Context(), store.Commit{Events: records}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"x 9 1 1", "x 5 2 2", "x 6 4 4"}; !slices.Equal(got, want) {
		t.Errorf("the subscription got %v, want %v", got, want)
	}
	if b, ok := data[0].([]byte); !ok || string(b) != "gone" {
		t.Errorf("data that is no JSON came as %T", data[0])
	}
}

func TestConsumersAndProjectionsHearOfEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		publish(t, a, orderPlaced{"before", 1})
		a.Consume("payment", consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			_, err := a.Publish(ctx, orderPaid{e.Data.Order})
			return err
		}))
		p, err := projection.New[int](a.Store(), "counts", projection.Config{})
		if err != nil {
			t.Fatal(err)
		}
		projection.OnAny(p, func(ctx context.Context, docs *projection.Docs[int], r event.Record) error {
			return docs.Update(ctx, r.Type, func(n *int) { *n++ })
		})
		a.Project(p)
		stop := run(t, a)
		if _, err := a.Store().Append(t.Context(), orderPlaced{"beside", 2}); err != nil { // not through the app
			t.Fatal(err)
		}
		publish(t, a, orderPlaced{"after", 3})
		settle(t, a)
		for _, name := range []string{"order.placed", "order.paid"} {
			if n, _, err := p.Get(t.Context(), name); n != 3 || err != nil {
				t.Errorf("the projection counts %d %s, %v; want 3", n, name, err)
			}
		}
		if err := stop(); err != nil {
			t.Errorf("Run returned %v after its context ended, want nil", err)
		}
	})
}

func TestCausationRunsThroughConsumersAndSubscriptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		a.Consume("payment", consumer.Config{}, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
			_, err := a.Publish(ctx, orderPaid{e.Data.Order})
			return err
		}))
		oxbow.Subscribe(a, func(ctx context.Context, e event.Event[orderPaid]) error {
			_, err := a.Publish(ctx, event.From("order.shipped", map[string]any{"order": e.Data.Order}))
			return err
		})
		defer run(t, a)()
		publish(t, a, orderPlaced{"1", 1}, event.WithUser("ann"))
		settle(t, a)
		records := stored(t, a)
		if len(records) != 3 {
			t.Fatalf("%d events are stored, want placed, paid and shipped", len(records))
		}
		for i, r := range records[1:] {
			if r.CausationID != records[i].ID || r.CorrelationID != records[0].ID || r.UserID != "ann" {
				t.Errorf("%s: causation %v, correlation %v, user %q", r.Type, r.CausationID, r.CorrelationID, r.UserID)
			}
		}
	})
}

func TestMistakesInWhatWasRegisteredAreReturned(t *testing.T) {
	handler := consumer.OnRecord(func(context.Context, event.Record) error { return nil })
	for want, register := range map[string]func(*oxbow.App){
		"called billing": func(a *oxbow.App) {
			a.Consume("billing", consumer.Config{}, handler)
			a.Consume("billing", consumer.Config{}, handler)
		},
		"consumer name: is empty": func(a *oxbow.App) { a.Consume("", consumer.Config{}, handler) },
		"a*b": func(a *oxbow.App) {
			a.SubscribeTopic("a*b", func(context.Context, event.Event[any]) error { return nil })
		},
		"no name": func(a *oxbow.App) {
			oxbow.Subscribe(a, func(context.Context, event.Event[struct{ X int }]) error { return nil })
		},
	} {
		a := newApp(t)
		register(a)
		if _, err := a.Publish(t.Context(), orderPlaced{"1", 1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Publish returned %v, want %s", err, want)
		}
		if _, err := a.Commit(t.Context(), store.Commit{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Commit returned %v, want %s", err, want)
		}
		if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Run returned %v, want %s", err, want)
		}
		if n := len(stored(t, a)); n != 0 {
			t.Errorf("%d events were stored all the same", n)
		}
	}
}

func TestConsumerAddedAfterRunBeganIsAMistake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		defer run(t, a)()
		settle(t, a)
		a.Consume("late", consumer.Config{}, consumer.OnRecord(func(context.Context, event.Record) error { return nil }))
		if _, err := a.Publish(t.Context(), orderPlaced{"1", 1}); err == nil || !strings.Contains(err.Error(), "consumer late: added after Run began") {
			t.Errorf("Publish returned %v", err)
		}
	})
}

func TestFirstFailureEndsRunAndSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		poison := errors.New("poison")
		a.Consume("strict", consumer.Config{Spent: consumer.Halt, Retry: consumer.Retry{Attempts: 1}},
			consumer.OnRecord(func(context.Context, event.Record) error { return poison }))
		a.Consume("calm", consumer.Config{}, consumer.OnRecord(func(context.Context, event.Record) error { return nil }))
		publish(t, a, orderPlaced{"1", 1})
		var all sync.WaitGroup
		all.Go(func() {
			if err := a.Settle(t.Context()); !errors.Is(err, poison) {
				t.Errorf("Settle returned %v, want the consumer's failure", err)
			}
		})
		if err := a.Run(t.Context()); !errors.Is(err, poison) {
			t.Errorf("Run returned %v, want the consumer's failure", err)
		}
		all.Wait()
	})
}

func TestRunWhileRunsAsLongAsItsFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, handled := newApp(t), 0
		a.Consume("count", consumer.Config{}, consumer.OnRecord(func(context.Context, event.Record) error { handled++; return nil }))
		mine := errors.New("mine")
		err := a.RunWhile(t.Context(), func(ctx context.Context) error {
			publish(t, a, orderPlaced{"1", 1})
			settle(t, a)
			return mine
		})
		if !errors.Is(err, mine) || handled != 1 {
			t.Errorf("RunWhile returned %v after %d events, want the function's error after 1", err, handled)
		}
	})
}

func TestRunWhileReturnsWhatEndedTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, poison := newApp(t), errors.New("poison")
		a.Consume("strict", consumer.Config{Spent: consumer.Halt, Retry: consumer.Retry{Attempts: 1}},
			consumer.OnRecord(func(context.Context, event.Record) error { return poison }))
		err := a.RunWhile(t.Context(), func(ctx context.Context) error {
			publish(t, a, orderPlaced{"1", 1})
			return a.Settle(ctx)
		})
		if !errors.Is(err, poison) {
			t.Errorf("RunWhile returned %v", err)
		}
	})
}

func TestRunTwiceIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		if err := run(t, a)(); err != nil {
			t.Fatal(err)
		}
		if err := a.Run(t.Context()); err == nil {
			t.Error("the second Run returned nil")
		}
	})
}

func TestSettleWaitsForQueues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		release, handled := make(chan struct{}), false
		oxbow.Subscribe(a, func(context.Context, event.Event[orderPlaced]) error {
			<-release
			handled = true
			return nil
		}, bus.Queued(bus.Queue{}))
		defer run(t, a)()
		publish(t, a, orderPlaced{"1", 1})
		settled := make(chan error, 1)
		go func() { settled <- a.Settle(t.Context()) }()
		synctest.Wait()
		select {
		case <-settled:
			t.Fatal("Settle returned while a queued handler runs")
		default:
		}
		close(release)
		if err := <-settled; err != nil || !handled {
			t.Errorf("Settle returned %v, handled: %v", err, handled)
		}
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestRawJSONIsDecodedForTypedSubscriptions(t *testing.T) {
	a := newApp(t)
	var got orderPlaced
	oxbow.Subscribe(a, func(_ context.Context, e event.Event[orderPlaced]) error { got = e.Data; return nil })
	publish(t, a, event.From("order.placed", json.RawMessage(`{"order":"raw","cents":3}`)))
	if got != (orderPlaced{"raw", 3}) {
		t.Errorf("got %+v", got)
	}
}

var errNegative = errors.New("the total is negative")

type invoiceSent struct{ Total int }

func (i invoiceSent) Validate() error {
	if i.Total < 0 {
		return errNegative
	}
	return nil
}

func TestInvalidDataAreNeitherStoredNorDelivered(t *testing.T) {
	a := newApp(t)
	delivered := 0
	oxbow.Subscribe(a, func(context.Context, event.Event[invoiceSent]) error { delivered++; return nil })
	if _, err := a.Publish(t.Context(), invoiceSent{-1}); !errors.Is(err, event.ErrInvalid) || !errors.Is(err, errNegative) {
		t.Errorf("Publish returned %v, want ErrInvalid and the error of Validate", err)
	}
	if head, err := a.Store().Head(t.Context()); head != 0 || err != nil || delivered != 0 {
		t.Errorf("the head is %d (%v) and %d were delivered, want none", head, err, delivered)
	}
}
