package request_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/request"
)

// 8 callers in one process, as TARGETS has it.
func BenchmarkDo(b *testing.B) {
	for name, cfg := range map[string]request.Config{"": {}, "without time-out": {NoTimeout: true}} {
		b.Run("8 callers "+name, func(b *testing.B) {
			measureDo(b, cfg, 8)
		})
	}
	b.Run("1 caller", func(b *testing.B) { measureDo(b, request.Config{}, 1) })
}

func measureDo(b *testing.B, cfg request.Config, callers int) {
	c, err := request.Over(bus.New(bus.Config{}), cfg)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := request.Handle(c, func(_ context.Context, q PriceAsked) (Price, error) { return Price{Cents: 7}, nil }); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			for range b.N/callers + max(0, min(1, b.N%callers-n)) {
				if _, err := request.Do[Price](context.Background(), c, PriceAsked{SKU: "oak"}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	runtime.KeepAlive(c)
}
