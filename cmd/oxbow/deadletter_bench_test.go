package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// BenchmarkDeadLettersInAFolder measures, once, what can be done to 100,000 dead letters of 1,000 keys in a folder, synced.
func BenchmarkDeadLettersInAFolder(b *testing.B) {
	const many, keys = 100_000, 1000
	driver, err := filelog.Open(b.TempDir(), filelog.Config{})
	if err != nil {
		b.Fatal(err)
	}
	st := store.New(driver, store.Config{})
	defer st.Close()
	var count parked.Count
	rates := map[string]float64{}
	step := func(what string, n int, do func() error) {
		began := time.Now()
		if err := do(); err != nil {
			b.Fatal(err)
		}
		rates[what+"/s"] = float64(n) / time.Since(began).Seconds()
	}
	step("parked", many, func() error {
		for p := 0; p < many; {
			var c parked.Change
			for range 1000 {
				l := parked.Letter{
					Record: event.Record{
						Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", Version: 1, Time: time.Now(), CorrelationID: event.NewID()},
						Place:    event.Place{Stream: fmt.Sprint("order-", p%keys), Revision: 1, Position: event.Position(p + 1)},
						Data:     fmt.Appendf(nil, `{"order":%d,"total":1999,"currency":"EUR","note":"one hundred bytes or so, as most are"}`, p),
					},
					Key: fmt.Sprint("order-", p%keys), State: parked.Waiting, First: time.Now(), Last: time.Now(),
				}
				if p < keys {
					l.State, l.Error, l.Attempts = parked.Failed, "bank: connection refused", 10
				}
				c.Park = append(c.Park, l)
				p++
			}
			w, err := parked.Writes("billing", count, c)
			if err != nil {
				return err
			}
			receipt, err := st.Commit(b.Context(), store.Commit{Items: w.Items, Conditions: w.Conditions})
			if err != nil {
				return err
			}
			count = w.Count.At(receipt.ItemRevision)
		}
		return nil
	})
	letters, err := deadletter.New(st, "billing")
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	all := deadletter.Options{All: true, By: "bench", Why: "bench"}
	for range b.N {
		step("listed", many, func() error {
			for cursor := deadletter.Position(0); ; {
				page, err := letters.List(b.Context(), deadletter.Filter{}, deadletter.MaxPage, cursor)
				if cursor = page.Next; err != nil || cursor == 0 {
					return err
				}
			}
		})
		step("redriven", many, func() error { _, err := letters.Redrive(b.Context(), deadletter.Filter{}, all); return err })
		step("discarded", many, func() error { _, err := letters.Discard(b.Context(), deadletter.Filter{}, all); return err })
	}
	for unit, rate := range rates {
		b.ReportMetric(rate, unit)
	}
}
