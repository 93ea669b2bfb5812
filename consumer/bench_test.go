package consumer_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// BenchmarkConsumer handles records of 1,000 keys with an empty handler; one operation is one record.
func BenchmarkConsumer(b *testing.B) {
	pass := func(next middleware.Handler) middleware.Handler { return next }
	empty := consumer.OnRecord(func(context.Context, event.Record) error { return nil })
	for name, cfg := range map[string]consumer.Config{
		"alone":                 {},
		"behind one middleware": {Middleware: []middleware.Func{pass}},
		"behind the usual ones": {Middleware: []middleware.Func{
			middleware.Correlate(), middleware.Logging(middleware.LoggingConfig{Logger: slog.New(slog.DiscardHandler)}), middleware.Recover(),
		}},
		"with a hook": {Hook: idle{}},
	} {
		b.Run(name, func(b *testing.B) { consume(b, cfg, empty) })
	}
}

// BenchmarkBatches is the same with a typed handler of batches.
func BenchmarkBatches(b *testing.B) {
	consume(b, consumer.Config{}, consumer.OnBatch(func(context.Context, []event.Event[orderPlaced]) error { return nil }))
}

// BenchmarkTransaction puts an item for each record, exactly once.
func BenchmarkTransaction(b *testing.B) {
	consume(b, consumer.Config{}, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
		return consumer.Transaction(ctx).Put("orders", r.Stream, r.Data)
	}))
}

// BenchmarkParkedKeys is how fast keys flow from the store, appending to it included, while very many others are parked. What it takes to
// begin is told apart.
func BenchmarkParkedKeys(b *testing.B) {
	empty := consumer.OnRecord(func(context.Context, event.Record) error { return nil })
	for _, n := range []int{0, 1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n, " keys"), func(b *testing.B) {
			st := fill(b, 1000)
			park(b, st, n)
			c, err := consumer.New(st, "billing", consumer.Config{DeadLetters: 10_000_000}, empty)
			if err != nil {
				b.Fatal(err)
			}
			began, stop := time.Now(), runTo(b, c, 1000)
			toBegin := time.Since(began)
			b.ResetTimer()
			appendTo(b, st, b.N)
			if err := c.WaitFor(b.Context(), store.Position(1000+b.N)); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(toBegin.Seconds(), "s/begin")
			stop()
		})
	}
}

// park parks so many keys of billing, whose records the store need not have.
func park(b *testing.B, st *store.Store, n int) {
	const slots = 32
	count := parked.Count{}
	for n > 0 {
		var c parked.Change
		for range min(n, 2000) {
			key := fmt.Sprint("parked-", n)
			c.Park = append(c.Park, parked.Letter{
				Record: event.Record{Metadata: event.Metadata{ID: event.NewID(), Type: "x", Time: time.Now()}, Place: event.Place{Stream: key, Revision: 1, Position: store.Position(n + 1_000_000_000)}},
				Key:    key, Slot: n % slots, State: parked.Failed,
			})
			n--
		}
		w, err := parked.Writes("billing", count, c)
		if err != nil {
			b.Fatal(err)
		}
		receipt, err := st.Commit(b.Context(), store.Commit{Items: w.Items, Conditions: w.Conditions})
		if err != nil {
			b.Fatal(err)
		}
		count = w.Count.At(receipt.ItemRevision)
	}
}

func consume(b *testing.B, cfg consumer.Config, handler consumer.Handler) {
	run(b, fill(b, b.N), cfg, handler)
}

// fill returns a store with so many records of 1,000 keys.
func fill(b *testing.B, n int) *store.Store {
	b.ReportAllocs()
	st := store.New(memory.New(), store.Config{})
	b.Cleanup(func() { st.Close() })
	appendTo(b, st, n)
	return st
}

// appendTo appends so many records of 1,000 keys.
func appendTo(b *testing.B, st *store.Store, n int) {
	records := make([]event.Record, 1000)
	for done := 0; done < n; done += len(records) {
		records = records[:min(len(records), n-done)]
		for i := range records {
			records[i] = event.Record{Metadata: event.Metadata{Type: "order.placed"}, Place: event.Place{Stream: fmt.Sprint("order-", i)}, Data: []byte("{}")}
		}
		if _, err := st.Commit(b.Context(), store.Commit{Events: records}); err != nil {
			b.Fatal(err)
		}
	}
}

// run handles everything there is.
func run(b *testing.B, st *store.Store, cfg consumer.Config, handler consumer.Handler) {
	c, err := consumer.New(st, "billing", cfg, handler)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	runTo(b, c, store.Position(b.N))()
}

// runTo runs the consumer, and returns when it has come to the position. stop ends it, and the timer.
func runTo(b *testing.B, c *consumer.Consumer, position store.Position) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	if err := c.WaitFor(ctx, position); err != nil {
		b.Fatal(err)
	}
	return func() {
		b.StopTimer()
		cancel()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
	}
}

type idle struct{}

func (idle) Handle(ctx context.Context, _ string, _ *event.Record, _ int) (context.Context, func(error)) {
	return ctx, nil
}
func (idle) Retry(context.Context, string, *event.Record, int, time.Duration, error) {}
func (idle) DeadLetter(context.Context, string, *event.Record, int, error)           {}
