package spread_test

import (
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/internal/spread"
)

func TestGoroutinesPickDifferently(t *testing.T) {
	const goroutines = 200
	var mu sync.Mutex
	picked := map[int]int{}
	hold := make(chan struct{}) // so that all have their stacks at the same time
	var all, begun sync.WaitGroup
	begun.Add(goroutines)
	for range goroutines {
		all.Go(func() {
			n := spread.Pick()
			if again := spread.Pick(); again != n {
				t.Errorf("picked %d and then %d", n, again)
			}
			mu.Lock()
			picked[n]++
			mu.Unlock()
			begun.Done()
			<-hold
		})
	}
	begun.Wait()
	close(hold)
	all.Wait()
	if len(picked) < 2 {
		t.Errorf("all picked the same: %v", picked)
	}
	for n, times := range picked {
		if n < 0 || n >= spread.Ways {
			t.Errorf("picked %d", n)
		}
		if times > goroutines/2 {
			t.Errorf("%d of %d picked %d", times, goroutines, n)
		}
	}
}
