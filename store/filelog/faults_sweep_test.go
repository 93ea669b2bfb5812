package filelog_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// A process ends in the middle of something, the next one builds upon what it finds, and then the power goes.
func TestWhatAnInterruptedProcessLeftIsMadeSureOfBeforeItIsBuiltUpon(t *testing.T) {
	for _, fault := range []simFault{killed, ioError, diskFull} {
		for seed := range uint64(12) {
			for after := 0; buildUpon(t, fault, seed, after); after++ {
			}
		}
	}
}

// buildUpon reports whether the fault befell anything; later there is nothing more for it to befall.
func buildUpon(t *testing.T, fault simFault, seed uint64, after int) (struck bool) {
	t.Helper()
	d := simulate(seed)
	d.arm(fault, after)
	done := appendUntilFault(d)
	struck = d.takeStruck() != nil
	d.restart(false)
	l := openSimulated(t, d)
	appendTo(t, l, commit(record(100, "a")))
	if seed%2 == 0 {
		l.Close()
	}
	d.restart(true)
	l.Close()
	report, err := filelog.VerifySimulated(t.Context(), faultFolder, d, d.items)
	if err = errors.Join(err, report.Err()); err != nil {
		t.Fatalf("%v after %d operations, seed %d: verify says %v", fault.error(), after, seed, err)
	}
	l = openSimulated(t, d)
	defer l.Close()
	got := texts(t, l)
	for _, want := range append(done, `{"n":100}`) {
		if !slices.Contains(got, want) {
			t.Fatalf("%v after %d operations, seed %d: there is %v, and %s was acknowledged", fault.error(), after, seed, got, want)
		}
	}
	return struck
}

// appendUntilFault opens a log, appends some commits to small segments, and closes it. It returns what was acknowledged.
func appendUntilFault(d *simDisk) (done []string) {
	l, err := filelog.OpenSimulated(faultFolder, filelog.Config{SegmentBytes: 400}, d, d.items, zeros{})
	if err != nil {
		return nil
	}
	defer l.Close()
	for n := range 4 {
		r := record(n, "a")
		if l.AppendTogether([]store.Commit{commit(r)})[0].Err == nil {
			done = append(done, string(r.Data))
		}
	}
	return done
}

func openSimulated(t *testing.T, d *simDisk) *filelog.Log {
	t.Helper()
	for attempt := 0; ; attempt++ {
		l, err := filelog.OpenSimulated(faultFolder, filelog.Config{SegmentBytes: 400}, d, d.items, zeros{})
		if err == nil {
			return l
		}
		if attempt == 3 || !errors.Is(err, store.ErrFailed) {
			t.Fatal(err)
		}
	}
}

// A power cut leaves part of an index, the next process is killed while it makes that again, and one opens the log before the power goes once
// more: then verify finds nothing wrong.
func TestAnIndexThatAnInterruptedProcessNamedIsMadeSureOf(t *testing.T) {
	tried := 0
	for seed := range uint64(6) {
		for first := 0; ; first++ {
			d, struck := cutOff(seed, first)
			if !struck {
				break
			}
			names, err := d.List(faultFolder + "/index")
			if err != nil || !slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, ".run.new") }) {
				continue
			}
			for second := 0; killedThenCut(t, seed, first, second); second++ {
				tried++
			}
		}
	}
	if tried < 150 {
		t.Errorf("only %d cases were tried", tried)
	}
}

// cutOff returns a disk on which a process had written until the power was cut.
func cutOff(seed uint64, after int) (d *simDisk, struck bool) {
	d = simulate(seed)
	d.arm(powerCut, after)
	appendUntilFault(d)
	struck = d.takeStruck() != nil
	d.restart(true)
	return d, struck
}

func killedThenCut(t *testing.T, seed uint64, first, second int) (struck bool) {
	t.Helper()
	d, _ := cutOff(seed, first)
	d.arm(killed, second)
	appendUntilFault(d)
	struck = d.takeStruck() != nil
	d.restart(false)
	l := openSimulated(t, d)
	d.restart(true)
	l.Close()
	report, err := filelog.VerifySimulated(t.Context(), faultFolder, d, d.items)
	if err = errors.Join(err, report.Err()); err != nil {
		t.Fatalf("seed %d, power cut after %d operations, killed after %d: verify says %v", seed, first, second, err)
	}
	return struck
}
