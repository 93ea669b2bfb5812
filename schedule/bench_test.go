package schedule_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store"
)

func BenchmarkAt(b *testing.B) {
	s := newScheduler(b, newStore(b), schedule.Config{})
	when := time.Now().Add(time.Hour)
	b.ReportAllocs()
	for i := range b.N {
		if _, err := s.At(b.Context(), fmt.Sprint(i), when, bellRung{"a"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFire(b *testing.B) {
	st := newStore(b)
	s := newScheduler(b, st, schedule.Config{})
	when := time.Now().Add(-time.Second)
	for i := range b.N {
		if _, err := s.At(b.Context(), fmt.Sprint(i), when, bellRung{"a"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	stop := start(b, s)
	if err := s.WaitFor(b.Context(), 0); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	stop()
	if head, err := st.Head(b.Context()); err != nil || head != store.Position(b.N) {
		b.Errorf("%d events, %v; want %d", head, err, b.N)
	}
}

func BenchmarkCronNext(b *testing.B) {
	for _, text := range []string{"* * * * *", "0 9 * * mon", "0 0 29 2 *"} {
		b.Run(text, func(b *testing.B) {
			c, at := parse(b, text), time.Date(2026, time.January, 1, 0, 0, 0, 0, zone(b, "Europe/Berlin"))
			b.ReportAllocs()
			for range b.N {
				c.Next(at)
			}
		})
	}
}
