package server_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func benchServer(b *testing.B) (*httptest.Server, *store.Store) {
	b.Helper()
	st := store.New(memory.New(), store.Config{})
	s, err := server.New(server.Config{Store: st, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	running := httptest.NewServer(s.Handler())
	b.Cleanup(func() {
		running.Close()
		st.Close()
	})
	return running, st
}

// BenchmarkPost sends batches over TCP on one connection; the store is in memory.
func BenchmarkPost(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			running, _ := benchServer(b)
			n := 0
			for b.Loop() {
				var events []string
				for range size {
					n++
					events = append(events, cloudEvent(fmt.Sprint(n), "order.placed", `,"stream":"order-42","data":{"total":1200,"currency":"EUR"}`))
				}
				res, err := http.Post(running.URL+"/v1/events", batch, strings.NewReader("["+strings.Join(events, ",")+"]"))
				if err != nil || res.StatusCode != http.StatusCreated {
					b.Fatal(res, err)
				}
				res.Body.Close()
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkCatchUp reads 100,000 events of 300 bytes from one stream over TCP.
func BenchmarkCatchUp(b *testing.B) {
	const events = 100_000
	running, st := benchServer(b)
	for i := range events / 1000 {
		records := make([]event.Record, 1000)
		for j := range records {
			records[j] = event.Record{
				Metadata: event.Metadata{Type: "order.placed", Source: "/shop"}, Place: event.Place{Stream: fmt.Sprint("order-", i)},
				Data: []byte(`{"total":1200,"currency":"EUR"}`),
			}
		}
		if _, err := st.Commit(b.Context(), store.Commit{Events: records}); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		res, err := http.Get(running.URL + "/v1/events/stream")
		if err != nil {
			b.Fatal(err)
		}
		in := newMessages(res.Body)
		for got := 0; got < events; {
			msg, err := in.next()
			if err != nil {
				b.Fatal(err)
			}
			got += len(msg.data)
		}
		res.Body.Close()
	}
	b.ReportMetric(float64(events*b.N)/b.Elapsed().Seconds(), "events/s")
}
