package filelog_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	faultSeeds = flag.Int("faults.seeds", defaultFaultSeeds, "how many seeds the fault test goes through, from 1 on")
	faultSeed  = flag.Uint64("faults.seed", 0, "replay this one seed of the fault test and print its steps")
	faultFor   = flag.Duration("faults.for", 0, "instead, let the fault test draw new seeds for so long; raise -timeout too")
)

func TestFaultsOfTheDiskLoseNothingAcknowledged(t *testing.T) {
	if *faultSeed != 0 {
		steps, _, err := tryFaults(*faultSeed, true)
		t.Logf("seed %d:\n%s", *faultSeed, steps)
		if err != nil {
			t.Error(err)
		}
		return
	}
	r := runFaults(faultSeedSource())
	t.Logf("%d seeds: %+v", r.seeds, r.total)
	if len(r.failed) == 0 {
		return
	}
	slices.Sort(r.failed)
	steps, _, err := tryFaults(r.failed[0], true)
	t.Errorf("%d seeds of %d failed: %v\nreplay one with -run %s -faults.seed=%d\n%s%v",
		len(r.failed), r.seeds, r.failed[:min(len(r.failed), 20)], t.Name(), r.failed[0], steps, err)
}

// faultSeedSource returns the seeds to try: always the same, or new ones as long as there is time.
func faultSeedSource() func() (seed uint64, ok bool) {
	if *faultFor > 0 {
		end := time.Now().Add(*faultFor)
		return func() (uint64, bool) { return rand.Uint64(), time.Now().Before(end) }
	}
	next := uint64(0)
	return func() (uint64, bool) {
		next++
		return next, next <= uint64(*faultSeeds)
	}
}

type faultRun struct {
	mu     sync.Mutex
	seeds  int
	failed []uint64
	total  faultCount
}

// runFaults tries the seeds side by side, and stops when many have failed.
func runFaults(next func() (uint64, bool)) *faultRun {
	r := &faultRun{}
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed, ok := r.next(next); ok; seed, ok = r.next(next) {
				_, count, err := tryFaults(seed, false)
				r.add(seed, count, err)
			}
		})
	}
	workers.Wait()
	return r
}

func (r *faultRun) next(seeds func() (uint64, bool)) (uint64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seed, ok := seeds()
	return seed, ok && len(r.failed) < 100
}

func (r *faultRun) add(seed uint64, count faultCount, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seeds++
	if err != nil {
		r.failed = append(r.failed, seed)
	}
	r.total.acknowledged += count.acknowledged
	r.total.faults += count.faults
	r.total.flips += count.flips
	r.total.damaged += count.damaged
	r.total.compacted += count.compacted
	r.total.trimmed += count.trimmed
}

// tryFaults runs the trial of a seed. Its steps are the same each time.
func tryFaults(seed uint64, traced bool) (steps string, count faultCount, err error) {
	var b strings.Builder
	trace := func(string, ...any) {}
	if traced {
		trace = func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	}
	trial := newFaultTrial(seed, trace)
	err = trial.run()
	if trial.log != nil {
		trial.log.Close()
	}
	return b.String(), trial.outcome, err
}

func TestFaultsReplayFromTheirSeed(t *testing.T) {
	for seed := range uint64(20) {
		first, _, _ := tryFaults(seed, true)
		again, _, _ := tryFaults(seed, true)
		if first != again || first == "" {
			t.Errorf("seed %d went otherwise the second time:\n%s\n\n%s", seed, first, again)
		}
	}
}
