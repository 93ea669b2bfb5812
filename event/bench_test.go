package event_test

import (
	"context"
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

type benchPlaced struct {
	OrderID string
	Total   int64
}

func (p benchPlaced) AggregateID() string { return p.OrderID }

func BenchmarkNewID(b *testing.B) {
	for b.Loop() {
		event.NewID()
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	ctx := event.WithCause(context.Background(), event.Cause{ID: event.NewID(), CorrelationID: event.NewID(), UserID: "ann"})
	for b.Loop() {
		if _, err := event.New(ctx, benchPlaced{"42", 100}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeDecode(b *testing.B) {
	b.ReportAllocs()
	var reg event.Registry
	if err := event.Register[benchPlaced](&reg); err != nil {
		b.Fatal(err)
	}
	e, err := event.New(context.Background(), benchPlaced{"42", 100})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := reg.Encode(e); err != nil {
				b.Fatal(err)
			}
		}
	})
	rec, err := reg.Encode(e)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := reg.Decode(rec); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := rec.Check(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFill(b *testing.B) {
	b.ReportAllocs()
	m, err := event.NewMaker[benchPlaced]()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		e := event.Event[benchPlaced]{Data: benchPlaced{"42", 100}}
		if err := m.Fill(context.Background(), &e); err != nil {
			b.Fatal(err)
		}
	}
}
