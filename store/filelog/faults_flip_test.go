package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// faultFlip is a bit that changed.
type faultFlip struct {
	path string
	at   int
	bit  byte
}

// flip changes a bit that the log can prove to have been written: all of a segment that has a successor, and as much of the newest one as
// its frames say was on the disk. ok is false when there is none.
func (t *faultTrial) flip() (f faultFlip, ok bool, err error) {
	t.disk.evict(t.disk.root) // else what proves it might be in the cache alone
	names, err := t.disk.List(segmentPath(""))
	if err != nil || len(names) == 0 {
		return faultFlip{}, false, nil
	}
	archived := t.archivedOnly(names)
	i := t.random.IntN(len(archived)+len(names)) - len(archived)
	if i < 0 {
		f.path = filepath.Join(faultArchive, archived[len(archived)+i])
	} else {
		f.path = segmentPath(names[i])
	}
	if !strings.HasSuffix(f.path, ".seg") {
		return faultFlip{}, false, nil
	}
	node, _ := t.disk.find(f.path)
	end := min(len(node.disk), len(node.cache))
	if i == len(names)-1 || !strings.HasSuffix(names[len(names)-1], ".seg") {
		vouched, err := filelog.Vouched(t.disk, f.path)
		if err != nil {
			return faultFlip{}, false, err
		}
		end = min(end, int(vouched))
	}
	if end == 0 {
		return faultFlip{}, false, nil
	}
	f.at, f.bit = t.random.IntN(end), 1<<t.random.IntN(8)
	t.trace("flip bit %#x of byte %d of %s", f.bit, f.at, f.path)
	t.disk.flip(f.path, f.at, f.bit)
	t.outcome.flips++
	return f, true, nil
}

// flipWhileOpen checks that reading gives the true records up to the one that was hit, and then says that it is damaged.
func (t *faultTrial) flipWhileOpen() error {
	armed := t.disk.armed
	t.disk.armed = noFault
	defer func() { t.disk.armed = armed }()
	f, ok, err := t.flip()
	if err != nil || !ok {
		return err
	}
	err = t.compare()
	t.disk.flip(f.path, f.at, f.bit)
	if err == nil {
		return nil
	}
	t.outcome.damaged++
	return f.wantDamage(err)
}

// flipAtRest now and then changes a bit while the log is closed, and checks that opening it either finds that, or all is as it
// was. Then it mends the bit, as one who restores the file from a backup does.
func (t *faultTrial) flipAtRest() error {
	if t.shared {
		return nil
	}
	if t.random.IntN(4) > 0 {
		return nil
	}
	if t.random.IntN(3) == 0 {
		if done, err := t.flipIndexAtRest(); done || err != nil {
			return err
		}
	}
	f, ok, err := t.flip()
	if err != nil || !ok {
		return err
	}
	report, err := filelog.VerifySimulated(context.Background(), faultFolder, t.disk, t.disk.items)
	if err != nil {
		return err
	}
	t.disk.full = false
	t.log, err = filelog.OpenSimulated(faultFolder, t.cfg, t.disk, t.disk.items, zeros{})
	if err == nil {
		if err = t.check(); err == nil || !errors.Is(err, store.ErrDamaged) {
			t.closed = false
			return errors.Join(err, t.shut(), t.mend(f, report.Damage))
		}
		t.log.Close() // what opening did not look at was damaged
		t.closed = false
	}
	t.outcome.damaged++
	if len(report.Damage) == 0 {
		return fmt.Errorf("verify found nothing, and open says %w", err)
	}
	t.disk.flip(f.path, f.at, f.bit)
	return errors.Join(f.wantDamage(err), f.wantDamage(report.Damage[0]))
}

// mend changes back a bit that neither opening nor reading looks at. Verify does, unless it means nothing.
func (t *faultTrial) mend(f faultFlip, found []*filelog.DamageError) error {
	if len(found) == 0 {
		return nil
	}
	t.outcome.damaged++
	t.disk.flip(f.path, f.at, f.bit)
	return f.wantDamage(found[0])
}

// wantDamage returns what is wrong with an error that should tell of the bit. A segment that is on its way to the archive is one file with two paths.
func (f faultFlip) wantDamage(err error) error {
	var d *filelog.DamageError
	if !errors.Is(err, store.ErrDamaged) || !errors.As(err, &d) || filepath.Base(d.File) != filepath.Base(f.path) || d.Offset > int64(f.at) {
		return fmt.Errorf("byte %d of %s has changed, and the log says: %w", f.at, f.path, err)
	}
	return nil
}

// archivedOnly returns the segments that are in the archive and not in the log any more, whose names are given.
func (t *faultTrial) archivedOnly(names []string) []string {
	n, ok := t.disk.find(faultArchive)
	if !ok {
		return nil
	}
	var only []string
	for name := range n.entries {
		if strings.HasSuffix(name, ".seg") && name < names[0] {
			only = append(only, name)
		}
	}
	slices.Sort(only)
	return only
}
