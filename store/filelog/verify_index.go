package filelog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
	"github.com/oxbow-events/oxbow/store/filelog/internal/items"
)

// full checks the places of a full segment, whose records lie where v.places says.
func (v *verifier) full(this *found) error {
	this.finishAs(this.seal)
	v.segments = append(v.segments, &found{segment: this.segment, seal: this.seal}) // without what it was read with
	p, err := openPlaces(v.files, v.indexDir, this.segment)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errStale) { // opening makes them again
		return nil
	}
	if errors.Is(err, store.ErrDamaged) {
		v.report.add(err)
		return nil
	}
	if err != nil {
		return err
	}
	v.placed[this.header.sequence] = true
	return errors.Join(v.samePlaces(p), p.unmap())
}

// samePlaces checks that the file has the places that were found.
func (v *verifier) samePlaces(p *placesFile) error {
	err := wrapDamage(index.Try(func() error {
		if err := p.check(); err != nil {
			return err
		}
		for i := range p.count {
			at, err := p.at(i)
			if err != nil {
				return err
			}
			if want, _ := v.places.at(i); at != want {
				return &DamageError{File: p.path, Offset: placesHeader + 4*int64(i), Reason: "a record lies elsewhere", Index: true}
			}
		}
		return nil
	}))
	if errors.Is(err, store.ErrDamaged) {
		v.report.add(err)
		return nil
	}
	return err
}

// runs checks the files of the index, and counts the full segments that have none.
func (v *verifier) runs() error {
	names, err := v.files.List(v.indexDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	covered := map[uint64]bool{}
	err = choose(names, v.segments, func(name string, last *found) (bool, error) {
		return v.oneRun(name, last, covered)
	})
	for _, f := range v.segments {
		if f.seal != nil && (!covered[f.header.sequence] || !v.placed[f.header.sequence]) {
			v.report.Unindexed++
		}
	}
	return err
}

// oneRun checks a run, and reports whether it is one of this log; then it notes which segments it covers.
func (v *verifier) oneRun(name string, last *found, covered map[uint64]bool) (bool, error) {
	r, err := index.Open(v.files, filepath.Join(v.indexDir, name))
	if err == nil && !last.endsRun(r) {
		return false, r.Close()
	}
	if err == nil {
		err = index.Try(func() error { return r.Check(func(int) error { return v.ctx.Err() }) })
		err = errors.Join(wrapDamage(err), r.Close())
	}
	if err = wrapDamage(err); errors.Is(err, store.ErrDamaged) {
		v.report.add(err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, f := range v.segments {
		if r.First <= f.header.sequence && f.header.sequence < r.Next {
			covered[f.header.sequence] = true
		}
	}
	return true, nil
}

// items checks that the items can be read, and have nothing that the log has not.
func (v *verifier) items(dir string, sys system, sequence uint64) error {
	there, err := items.Exists(sys.items, dir)
	if err == nil && !there {
		return nil
	}
	var mark items.Mark
	if err == nil {
		mark, err = items.Check(dir, items.Config{FS: sys.items, Store: v.store, CacheBytes: 1 << 20}, v.ctx.Err)
	}
	if err = damagedItems(dir, err); errors.Is(err, store.ErrDamaged) {
		v.report.add(err)
		return nil
	}
	if err == nil && !v.lost && mark.Sequence > sequence {
		v.report.add(&DamageError{
			File: dir, Index: true,
			Reason: fmt.Sprintf("the items have commit %d, and the log ends with %d", mark.Sequence, sequence),
		})
	}
	return err
}
