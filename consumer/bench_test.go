package consumer_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// BenchmarkConsumer handles records of 1,000 keys with an empty handler; one operation is one record.
func BenchmarkConsumer(b *testing.B) {
	pass := func(next middleware.Handler) middleware.Handler { return next }
	for name, cfg := range map[string]consumer.Config{
		"alone":                 {},
		"behind one middleware": {Middleware: []middleware.Func{pass}},
		"behind the usual ones": {Middleware: []middleware.Func{
			middleware.Correlate(), middleware.Logging(middleware.LoggingConfig{Logger: slog.New(slog.DiscardHandler)}), middleware.Recover(),
		}},
		"with a hook": {Hook: idle{}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			driver := memory.New()
			defer driver.Close()
			st := store.New(driver, store.Config{})
			records := make([]event.Record, 1000)
			for n := 0; n < b.N; n += len(records) {
				records = records[:min(len(records), b.N-n)]
				for i := range records {
					records[i] = event.Record{Metadata: event.Metadata{Type: "order.placed"}, Place: event.Place{Stream: fmt.Sprint("order-", i)}, Data: []byte("{}")}
				}
				if _, err := st.Commit(b.Context(), store.Commit{Events: records}); err != nil {
					b.Fatal(err)
				}
			}
			c, err := consumer.New(st, "billing", cfg, consumer.OnRecord(func(context.Context, event.Record) error { return nil }))
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			b.ResetTimer()
			go func() { ended <- c.Run(ctx) }()
			if err := c.WaitFor(ctx, store.Position(b.N)); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			cancel()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}

type idle struct{}

func (idle) Handle(ctx context.Context, _ string, _ *event.Record, _ int) (context.Context, func(error)) {
	return ctx, nil
}
func (idle) Retry(context.Context, string, *event.Record, int, time.Duration, error) {}
func (idle) DeadLetter(context.Context, string, *event.Record, int, error)           {}
