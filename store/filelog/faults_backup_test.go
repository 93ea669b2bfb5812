package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/oxbow-events/oxbow/store/filelog"
)

// backup takes a backup, perhaps with a fault on the way, and checks that what became of it is all that the log holds or no log at all.
func (t *faultTrial) backup() error {
	t.backups++
	dir, cfg := fmt.Sprintf("backup%d", t.backups), filelog.BackupConfig{Copy: t.random.IntN(2) == 0}
	if t.random.IntN(3) == 0 {
		t.arm(40)
	}
	t.trace("back up to %s: %+v", dir, cfg)
	_, err := t.log.Backup(context.Background(), dir, cfg)
	struck := t.disk.takeStruck()
	if t.disk.lastLink && err == nil && !t.disk.gone {
		struck = nil
	}
	if struck == nil {
		if err != nil {
			return fmt.Errorf("nothing failed, and Backup says: %w", err)
		}
		return t.checkBackup(dir)
	}
	t.outcome.faults++
	if !errors.Is(err, struck) {
		return fmt.Errorf("%v befell Backup, and it says: %w", struck, err)
	}
	if t.disk.gone {
		t.closed = false
		t.log.Close()
		t.shared = !cfg.Copy
		defer func() { t.shared = false }()
		return errors.Join(t.restart(struck), t.noBackup(dir))
	}
	return t.noBackup(dir)
}

// noBackup checks that a backup that failed, or was interrupted before its last step, is not taken for one.
func (t *faultTrial) noBackup(dir string) error {
	if !t.disk.IsDir(filepath.Join(dir, "log")) {
		return t.forget(dir)
	}
	return t.checkCopy(dir) // the last step was done, and nobody heard of it
}

// checkBackup looks at a backup, perhaps after the power went.
func (t *faultTrial) checkBackup(dir string) error {
	t.disk.armed = noFault
	if t.random.IntN(2) == 0 {
		return t.checkCopy(dir)
	}
	if err := t.shut(); err != nil {
		return err
	}
	t.disk.restart(true)
	return errors.Join(t.checkCopy(dir), t.open())
}

// checkCopy compares a backup with the model.
func (t *faultTrial) checkCopy(dir string) error {
	armed := t.disk.armed
	t.disk.armed = noFault
	defer func() { t.disk.armed = armed }()
	report, err := filelog.VerifySimulated(context.Background(), dir, t.disk, t.disk.items)
	if err != nil || report.Err() != nil || !report.Closed {
		return fmt.Errorf("verify the backup: %+v, %w", report, errors.Join(err, report.Err()))
	}
	own := t.log
	t.log, err = filelog.OpenSimulated(dir, t.cfg, t.disk, t.disk.items, zeros{})
	if err != nil {
		return fmt.Errorf("open the backup: %w", err)
	}
	if err = t.compare(); err != nil {
		err = fmt.Errorf("the backup: %w", err)
	}
	err = errors.Join(err, t.log.Close(), t.forget(dir))
	t.log = own
	return err
}

// forget removes a backup, without a fault.
func (t *faultTrial) forget(dir string) error {
	delete(t.disk.root.entries, dir)
	delete(t.disk.root.kept, dir)
	return t.disk.items.RemoveAll(dir)
}

// flipIndexAtRest changes a bit of the index while the log is closed. Whatever it is, the log can be opened, reading gives the true records or
// names the file, and making the index again mends it.
func (t *faultTrial) flipIndexAtRest() (done bool, err error) {
	names, err := t.disk.List(filepath.Join(faultFolder, "index"))
	if err != nil || len(names) == 0 {
		return false, nil
	}
	t.disk.full = false
	t.disk.evict(t.disk.root)
	f := faultFlip{path: filepath.Join(faultFolder, "index", names[t.random.IntN(len(names))])}
	node, _ := t.disk.find(f.path)
	if len(node.disk) == 0 || len(node.disk) != len(node.cache) {
		return false, nil
	}
	f.at, f.bit = t.random.IntN(len(node.disk)), 1<<t.random.IntN(8)
	t.trace("flip bit %#x of byte %d of %s", f.bit, f.at, f.path)
	t.disk.flip(f.path, f.at, f.bit)
	t.outcome.flips++
	report, err := filelog.VerifySimulated(context.Background(), faultFolder, t.disk, t.disk.items)
	if err != nil {
		return true, err
	}
	if len(report.Damage) > 0 {
		t.outcome.damaged++
		if err := f.wantIndexDamage(report.Damage[0]); err != nil {
			return true, err
		}
	}
	if err := t.openDamagedIndex(f); err != nil {
		return true, err
	}
	_, err = filelog.ReindexSimulated(context.Background(), faultFolder, t.disk, t.disk.items, zeros{})
	return true, err
}

func (t *faultTrial) openDamagedIndex(f faultFlip) (err error) {
	t.closed = false
	t.log, err = filelog.OpenSimulated(faultFolder, t.cfg, t.disk, t.disk.items, zeros{})
	if err != nil {
		return fmt.Errorf("byte %d of %s has changed, and the log cannot be opened: %w", f.at, f.path, err)
	}
	if err = t.check(); err != nil {
		err = f.wantIndexDamage(err)
	}
	return errors.Join(err, t.log.Close())
}

func (f faultFlip) wantIndexDamage(err error) error {
	var d *filelog.DamageError
	if err := f.wantDamage(err); err != nil {
		return err
	}
	if errors.As(err, &d); !d.Index {
		return fmt.Errorf("byte %d of %s has changed, and the log calls that damage of the events: %w", f.at, f.path, err)
	}
	return nil
}
