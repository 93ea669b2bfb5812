package deadletter_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

const many = 100_000

// fill parks many letters of so many keys.
func fill(b *testing.B, keys int) *shelf {
	b.Helper()
	s := &shelf{t: b, store: store.New(memory.New(), store.Config{})}
	var err error
	if s.Letters, err = deadletter.New(s.store, name); err != nil {
		b.Fatal(err)
	}
	for p := 0; p < many; {
		var park []parked.Letter
		for range 1000 {
			state := parked.Failed
			if p >= keys {
				state = parked.Waiting
			}
			park = append(park, letter(event.Position(p+1), fmt.Sprint(p%keys), state))
			p++
		}
		s.change(parked.Change{Park: park})
	}
	return s
}

// each measures an action on 100,000 letters, those of one key each, or of 1,000 keys.
func each(b *testing.B, fresh bool, action func(b *testing.B, s *shelf)) {
	for _, keys := range []int{1000, many} {
		b.Run(fmt.Sprintf("%d keys", keys), func(b *testing.B) {
			var s *shelf
			for b.Loop() {
				if s == nil || fresh {
					b.StopTimer()
					s = fill(b, keys)
					b.StartTimer()
				}
				action(b, s)
			}
			b.ReportMetric(float64(many)*float64(b.N)/b.Elapsed().Seconds(), "letters/s")
		})
	}
}

func BenchmarkListAll(b *testing.B) {
	each(b, false, func(b *testing.B, s *shelf) {
		n := 0
		for cursor := deadletter.Position(0); ; {
			page, err := s.List(b.Context(), deadletter.Filter{}, deadletter.MaxPage, cursor)
			if err != nil {
				b.Fatal(err)
			}
			n += len(page.Letters)
			if cursor = page.Next; cursor == 0 {
				break
			}
		}
		if n != many {
			b.Fatal(n)
		}
	})
}

func BenchmarkFirstPage(b *testing.B) {
	s := fill(b, 1000)
	for b.Loop() {
		if page, err := s.List(b.Context(), deadletter.Filter{}, 100, 0); err != nil || len(page.Letters) != 100 {
			b.Fatal(err)
		}
	}
}

func BenchmarkRedriveAll(b *testing.B) {
	each(b, true, func(b *testing.B, s *shelf) {
		if report, err := s.Redrive(b.Context(), deadletter.Filter{}, all); err != nil || report.Letters != many {
			b.Fatal(report, err)
		}
	})
}

func BenchmarkDiscardAll(b *testing.B) {
	each(b, true, func(b *testing.B, s *shelf) {
		if report, err := s.Discard(b.Context(), deadletter.Filter{}, all); err != nil || report.Letters != many {
			b.Fatal(report, errors.Unwrap(err))
		}
	})
}
