package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
	"github.com/oxbow-events/oxbow/store/memory"
)

const faultFolder = "data"

// faultTrial is one seed: a log on a simulated disk, and beside it a store in memory that holds what the log must hold.
type faultTrial struct {
	random *rand.Rand
	disk   *simDisk
	model  *memory.Memory
	log    *filelog.Log
	cfg    filelog.Config

	backups int            // so far, each in a folder of its own
	shared  bool           // a backup that is about to be looked at has files together with the log: a bit that rots does so in both
	made    int            // events so far, each with an id of its own
	sent    []store.Commit // for retries
	doubt   []store.Commit // the batch that a fault interrupted: a beginning of it may be in the log
	closed  bool           // the log was closed in order
	seen    error          // what was visible too early
	forgot  bool           // the log was compacted, and knows no ids of what is gone
	trace   func(format string, args ...any)
	outcome faultCount
}

// faultCount says what a trial got to do.
type faultCount struct{ acknowledged, faults, flips, damaged, compacted, trimmed int }

func newFaultTrial(seed uint64, trace func(string, ...any)) *faultTrial {
	random := rand.New(rand.NewPCG(seed, 1))
	t := &faultTrial{random: random, model: memory.New(), trace: trace, closed: true}
	t.disk = newSimDisk(rand.New(rand.NewPCG(seed, 2)), trace)
	return t
}

// run opens the log, does one thing after the other to it, and checks all that it holds after each fault.
func (t *faultTrial) run() error {
	if err := t.open(); err != nil {
		return err
	}
	for range 10 + t.random.IntN(30) {
		if err := t.step(); err != nil {
			return err
		}
	}
	if err := t.reopen(); err != nil {
		return err
	}
	return t.shut()
}

func (t *faultTrial) step() error {
	switch n := t.random.IntN(100); {
	case n < 40:
		return t.append(t.commits())
	case n < 46:
		return t.append([]store.Commit{t.limit()})
	case n < 54:
		return t.append(t.retries())
	case n < 62:
		return t.read()
	case n < 78:
		t.arm(12)
		return nil
	case n < 83:
		return t.flipWhileOpen()
	case n < 88:
		return t.compact()
	case n < 91:
		return t.trim()
	case n < 94:
		return t.backup()
	default:
		return t.reopen()
	}
}

// arm lets a fault strike within the next operations.
func (t *faultTrial) arm(within int) {
	f, after := 1+simFault(t.random.IntN(int(allFaults)-1)), t.random.IntN(within)
	t.trace("after %d operations: %v", after, f.error())
	t.disk.arm(f, after)
}

func (t *faultTrial) append(batch []store.Commit) error {
	t.trace("append %d commits", len(batch))
	t.disk.look = t.lookWhileWriting
	outcomes := t.log.AppendTogether(batch)
	t.disk.look = nil
	if t.seen != nil {
		return t.seen
	}
	struck := t.disk.takeStruck()
	if struck != nil && !t.readFailed(outcomes, struck) {
		return t.failed(batch, outcomes, struck)
	}
	for i := range batch {
		if struck != nil && errors.Is(outcomes[i].Err, struck) {
			continue // it could not be decided: nothing of it was written
		}
		if err := t.acknowledged(batch[i], outcomes[i]); err != nil {
			return fmt.Errorf("commit %d of the batch: %w", i+1, err)
		}
	}
	return nil
}

// readFailed reports whether the fault befell no more than a read that one commit needed, so that the log goes on.
func (t *faultTrial) readFailed(outcomes []filelog.Outcome, struck error) bool {
	if stopped(outcomes) {
		return false
	}
	hit := slices.ContainsFunc(outcomes, func(o filelog.Outcome) bool { return errors.Is(o.Err, struck) })
	return hit && t.disk.lastRead
}

func stopped(outcomes []filelog.Outcome) bool {
	return slices.ContainsFunc(outcomes, func(o filelog.Outcome) bool { return errors.Is(o.Err, store.ErrFailed) })
}

// acknowledged checks an outcome against the one that the model comes to.
func (t *faultTrial) acknowledged(c store.Commit, got filelog.Outcome) error {
	want, err := t.model.Append(context.Background(), c)
	if got.Err != nil && !errors.Is(got.Err, store.ErrConflict) && !errors.Is(got.Err, store.ErrTombstone) {
		return fmt.Errorf("nothing failed, and the log says: %w", got.Err)
	}
	if fmt.Sprint(got.Err) != fmt.Sprint(err) {
		return fmt.Errorf("the log says %v, the model %v", got.Err, err)
	}
	if got.Err == nil {
		want.Durability = store.Fsynced
	}
	if fmt.Sprint(got.Receipt) != fmt.Sprint(want) {
		return fmt.Errorf("the receipt is %+v, want %+v", got.Receipt, want)
	}
	t.outcome.acknowledged++
	return nil
}

// failed checks that everybody in the batch is told, that no later commit is taken, and that what was acknowledged can still be
// read; then it begins anew.
func (t *faultTrial) failed(batch []store.Commit, outcomes []filelog.Outcome, struck error) error {
	t.outcome.faults++
	for i := range outcomes {
		if err := t.wantStopped(outcomes[i].Err, struck); err != nil {
			return fmt.Errorf("commit %d of the batch: %w", i+1, err)
		}
	}
	t.doubt, t.closed, t.disk.armed = batch, false, noFault
	if err := t.wantStopped(t.log.AppendTogether(batch[:1])[0].Err, struck); err != nil {
		return fmt.Errorf("a commit after the failure: %w", err)
	}
	if !t.disk.gone {
		if err := t.compare(); err != nil {
			return fmt.Errorf("after the failure: %w", err)
		}
	}
	if err := t.log.Close(); err != nil && !t.disk.gone {
		return fmt.Errorf("close after a failure: %w", err)
	}
	return t.restart(struck)
}

// wantStopped returns what is wrong with an error that should tell that the log has stopped, why, and what to do.
func (t *faultTrial) wantStopped(got, struck error) error {
	second := t.disk.full && errors.Is(got, syscall.ENOSPC) // the disk was full, too
	if !errors.Is(got, store.ErrFailed) || !errors.Is(got, struck) && !second || !strings.Contains(got.Error(), "open the folder again") {
		return fmt.Errorf("%q befell the log, and it says: %v", struck, got)
	}
	return nil
}

// restart begins a new process, and perhaps the power went before.
func (t *faultTrial) restart(struck error) error {
	withoutPower := struck == errPowerCut || struck != errKilled && t.random.IntN(2) == 0
	t.trace("restart; power cut: %t", withoutPower)
	t.disk.restart(withoutPower)
	if err := t.verify(); err != nil {
		return err
	}
	if err := t.flipAtRest(); err != nil {
		return err
	}
	return t.open()
}

// reopen closes the log in order, unless a fault prevents it, and opens it again.
func (t *faultTrial) reopen() error {
	if err := t.shut(); err != nil {
		return err
	}
	return t.restart(nil)
}

func (t *faultTrial) shut() error {
	t.trace("close")
	err := t.log.Close()
	struck := t.disk.takeStruck()
	if !errors.Is(err, struck) {
		return fmt.Errorf("%v befell Close, and it says: %v", struck, err)
	}
	t.closed = struck == nil
	if struck == nil {
		return nil
	}
	t.outcome.faults++
	t.disk.restart(struck == errPowerCut)
	return nil
}

// open opens the log, with faults in the first attempts, and checks all that is in it.
func (t *faultTrial) open() error {
	t.cfg.SegmentBytes = 300 + t.random.Int64N(8000)
	for attempt := 0; ; attempt++ {
		if attempt < 3 && t.random.IntN(3) == 0 {
			t.arm(25)
		}
		t.trace("open")
		l, err := filelog.OpenSimulated(faultFolder, t.cfg, t.disk, t.disk.items, zeros{})
		struck := t.disk.takeStruck()
		if !errors.Is(err, struck) && !(t.disk.lost && errors.Is(err, store.ErrFailed)) {
			return fmt.Errorf("%v befell Open, and it says: %w", struck, err)
		}
		if err == nil {
			t.log = l
			return t.check()
		}
		t.outcome.faults++
		t.closed = false
		t.disk.restart(struck == errPowerCut || struck != errKilled && t.random.IntN(2) == 0)
	}
}

// check finds out how much of the batch in doubt is there, and that nothing else has changed.
func (t *faultTrial) check() error {
	if t.closed && t.log.Recovery().Unclean {
		return fmt.Errorf("the log was closed in order, and its recovery says %+v", t.log.Recovery())
	}
	armed := t.disk.armed
	t.disk.armed = noFault
	defer func() { t.disk.armed = armed }()
	err := t.compare()
	for len(t.doubt) > 0 && err != nil && !errors.Is(err, store.ErrDamaged) {
		t.model.Append(context.Background(), t.doubt[0]) // a commit that conflicts changes nothing here as there
		t.doubt = t.doubt[1:]
		err = t.compare()
	}
	if !errors.Is(err, store.ErrDamaged) {
		t.doubt = nil
	}
	return err
}

// verify checks that Verify finds no damage where there is none, and tells of every fault that befalls it.
func (t *faultTrial) verify() error {
	if t.random.IntN(3) == 0 {
		return nil
	}
	if t.random.IntN(4) == 0 {
		t.arm(20)
	}
	t.trace("verify")
	report, err := filelog.VerifySimulated(context.Background(), faultFolder, t.disk, t.disk.items)
	struck := t.disk.takeStruck()
	if struck != nil {
		t.disk.restart(struck == errPowerCut)
	}
	t.disk.armed = noFault
	switch {
	case !errors.Is(err, struck):
		return fmt.Errorf("%v befell Verify, and it says: %v", struck, err)
	case err == nil && report.Err() != nil:
		return fmt.Errorf("verify: %w", report.Err())
	case err == nil && t.closed && !report.Closed:
		return fmt.Errorf("the log was closed in order, and verify says %+v", report)
	}
	return nil
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func segmentPath(name string) string { return filepath.Join(faultFolder, "log", name) }
