package cqrs_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/oxbow-events/oxbow/cqrs"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

// One command to its typed handler, with what is around it by default, and without.
func BenchmarkSend(b *testing.B) {
	for name, cfg := range map[string]cqrs.Config{
		"default":    {},
		"no logging": {NoLogging: true},
		"authorize":  {Authorize: func(context.Context, *middleware.Call) error { return nil }},
	} {
		b.Run(name, func(b *testing.B) {
			on := benchBus(b, cfg)
			handle(b, on, func(_ context.Context, c PlaceOrder) (int, error) { return len(c.Item), nil })
			command := PlaceOrder{"7", "tea"}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := cqrs.Send[int](context.Background(), on, command); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchBus(b *testing.B, cfg cqrs.Config) *cqrs.CommandBus {
	cfg.Logger = slog.New(slog.NewTextHandler(nullWriter{}, nil)) // as programs have them: level info
	return newBus(b, newStore(), cfg)
}

type nullWriter struct{}

func (nullWriter) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkSendFromEveryCore(b *testing.B) {
	on := benchBus(b, cqrs.Config{})
	handle(b, on, func(_ context.Context, c PlaceOrder) (int, error) { return len(c.Item), nil })
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := cqrs.Send[int](context.Background(), on, PlaceOrder{"7", "tea"}); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkQuery(b *testing.B) {
	q := newQueryBus(b, nil, cqrs.QueryConfig{Logger: slog.New(slog.NewTextHandler(nullWriter{}, nil))})
	ask(b, q, func(_ context.Context, q GetOrder) (int, error) { return len(q.OrderID), nil })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cqrs.Query[int](context.Background(), q, GetOrder{"7"}); err != nil {
			b.Fatal(err)
		}
	}
}

// One command that appends an event to the store in memory, without and with a key; and one that is repeated.
func BenchmarkSendEvents(b *testing.B) {
	for name, opts := range map[string]func(n int) []cqrs.SendOption{
		"no key":   func(int) []cqrs.SendOption { return nil },
		"key":      func(n int) []cqrs.SendOption { return []cqrs.SendOption{cqrs.WithKey(strconv.Itoa(n))} },
		"repeated": func(int) []cqrs.SendOption { return []cqrs.SendOption{cqrs.WithKey("k")} },
	} {
		b.Run(name, func(b *testing.B) {
			on := benchBus(b, cqrs.Config{})
			handle(b, on, func(_ context.Context, c PlaceOrder) (cqrs.Events, error) { return cqrs.Events{OrderPlaced(c)}, nil })
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if _, err := on.Send(context.Background(), PlaceOrder{"7", "tea"}, opts(n)...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a command costs in any case: its id and time, and the context that carries it as a cause.
func BenchmarkCause(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		m := event.Metadata{ID: event.NewID()}
		event.WithCause(context.Background(), m.Cause())
	}
}
