package projection_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// moved is an event of about 200 bytes of JSON.
type moved struct {
	Item     string   `json:"item"`
	From     string   `json:"from"`
	To       string   `json:"to"`
	Quantity int      `json:"quantity"`
	Cents    int64    `json:"cents"`
	Express  bool     `json:"express"`
	Labels   []string `json:"labels"`
	Note     string   `json:"note"`
}

func (moved) EventType() string { return "stock.moved" }

type stock struct {
	Moves    int       `json:"moves"`
	Quantity int       `json:"quantity"`
	Cents    int64     `json:"cents"`
	Last     time.Time `json:"last"`
}

// fillStock appends n events about 1,000 things.
func fillStock(b *testing.B, st *store.Store, n int) {
	b.Helper()
	records := make([]event.Record, 0, 1000)
	for i := range n {
		data, err := json.Marshal(moved{
			Item: fmt.Sprintf("item-%04d", i*7%1000), From: "warehouse-eu-north-1", To: "shop-berlin-mitte", Quantity: i % 10, Cents: int64(i),
			Labels: []string{"fragile", "summer"}, Note: strings.Repeat("n", 40),
		})
		if err != nil {
			b.Fatal(err)
		}
		records = append(records, event.Record{
			Metadata: event.Metadata{
				Type: "stock.moved", Source: "/shop/eu", AggregateType: "item", AggregateID: fmt.Sprint(i % 1000), UserID: "user-1234",
				Tags: []string{"customer:7"}, ContentType: "application/json",
			},
			Place: event.Place{Stream: fmt.Sprint("item-", i%1000)}, Data: data,
		})
		if len(records) == cap(records) || i == n-1 {
			if _, err := st.Commit(b.Context(), store.Commit{Events: records}); err != nil {
				b.Fatal(err)
			}
			records = records[:0]
		}
	}
}

func stocks(b *testing.B, st *store.Store, cfg projection.Config) *projection.Projection[stock] {
	b.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	p, err := projection.New[stock](st, "stocks", cfg)
	if err != nil {
		b.Fatal(err)
	}
	projection.On(p, func(ctx context.Context, docs *projection.Docs[stock], e event.Event[moved]) error {
		return docs.Update(ctx, e.Data.Item, func(s *stock) {
			s.Moves++
			s.Quantity += e.Data.Quantity
			s.Cents += e.Data.Cents
			s.Last = e.Time
		})
	})
	return p
}

// BenchmarkRebuild rebuilds 1,000 documents with a typed handler; one operation is one event.
func BenchmarkRebuild(b *testing.B) {
	b.ReportAllocs()
	driver := memory.New()
	defer driver.Close()
	st := store.New(driver, store.Config{})
	fillStock(b, st, b.N)
	p := stocks(b, st, projection.Config{})
	b.ResetTimer()
	if err := p.Rebuild(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkDecode is the JSON decoder alone on the same data, in one goroutine: what a rebuild cannot be faster than on one core.
func BenchmarkDecode(b *testing.B) {
	b.ReportAllocs()
	data, err := json.Marshal(moved{
		Item: "item-0001", From: "warehouse-eu-north-1", To: "shop-berlin-mitte", Quantity: 3, Cents: 100,
		Labels: []string{"fragile", "summer"}, Note: strings.Repeat("n", 40),
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var e moved
		if err := json.Unmarshal(data, &e); err != nil {
			b.Fatal(err)
		}
	}
}
