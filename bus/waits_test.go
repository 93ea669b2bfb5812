package bus

import (
	"testing"
	"time"
)

// From inside: to bring about so many waits through the exported API takes longer than what it shows.
func TestWhoWaitsForWhomIsFoundOutQuickly(t *testing.T) {
	const queues = 64
	var w waits
	all := make([]*queue, queues)
	for i := range all {
		all[i] = new(queue)
	}
	began := time.Now()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for from := range queues {
			for to := from + 1; to < queues; to++ {
				if !w.allow(all[from], all[to]) {
					t.Errorf("%d may not wait for %d", from, to)
				}
			}
		}
		if w.allow(all[queues-1], all[0]) {
			t.Error("the last may wait for the first, which waits for it")
		}
		if !w.allow(new(queue), all[0]) {
			t.Error("one that nobody waits for may not wait")
		}
	}()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatalf("still looking after %v", time.Since(began))
	}
}
