package bus

import "testing"

// From inside: to bring about so many waits through the exported API takes longer than what it shows.
func TestWhoWaitsForWhomIsFoundOutQuickly(t *testing.T) {
	const queues = 64
	var w waits
	all := make([]*queue, queues)
	for i := range all {
		all[i] = new(queue)
	}
	for from := range queues {
		for to := from + 1; to < queues; to++ {
			if !w.allow(all[from], all[to]) { // looking along every way there is would never end
				t.Errorf("%d may not wait for %d", from, to)
			}
		}
	}
	seen := map[*queue]bool{}
	if w.leads(all[0], new(queue), seen) || len(seen) != queues {
		t.Errorf("a search that finds nothing looked at %d queues, want each of %d once", len(seen), queues)
	}
	if w.allow(all[queues-1], all[0]) {
		t.Error("the last may wait for the first, which waits for it")
	}
	if !w.allow(new(queue), all[0]) {
		t.Error("one that nobody waits for may not wait")
	}
}
