package aggregate_test

import (
	"strconv"
	"testing"

	"github.com/oxbow-events/oxbow/aggregate"
)

// A history of 1,000 events, loaded without a snapshot, with one at its end, and with one 100 events before that.
func BenchmarkLoad1000(b *testing.B) {
	for _, c := range []struct {
		name     string
		cfg      aggregate.Config
		snapshot int // after so many events; 0: never
	}{
		{"no snapshot", aggregate.Config{}, 0},
		{"snapshot", every, 1000},
		{"snapshot and 100 events", every, 900},
	} {
		b.Run(c.name, func(b *testing.B) {
			st, _ := newStore(b)
			repo := newAccounts(b, st, c.cfg)
			for n := range 1000 {
				execute(b, repo, "42", deposit{1})
				if n+1 == c.snapshot {
					take(b, repo, "42")
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if got := load(b, repo, "42"); got.State.Balance != 1000 {
					b.Fatal(got)
				}
			}
		})
	}
}

// One command on an aggregate that does not exist yet: load, decide, check, append.
func BenchmarkExecute(b *testing.B) {
	st, _ := newStore(b)
	repo := newAccounts(b, st, aggregate.Config{})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if _, err := repo.Execute(b.Context(), strconv.Itoa(n), deposit{1}); err != nil {
			b.Fatal(err)
		}
	}
}
