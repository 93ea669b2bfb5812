package filelog

import (
	"cmp"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// chooseRuns opens the files of the index that belong to the segments, the largest first, and removes all others.
func (l *Log) chooseRuns(all []*found) error {
	if err := removeUnfinished(l.sys.files, l.indexDir()); err != nil {
		return err
	}
	names, err := l.sys.files.List(l.indexDir())
	if err != nil {
		return err
	}
	var chosen []*run
	err = choose(names, all, func(name string, last *found) (bool, error) {
		r, err := l.openRun(name, last)
		if r != nil {
			chosen = append(chosen, r)
		}
		return r != nil, err
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.shape.runs = upToLostGap(chosen, all)
	l.mu.Unlock()
	for _, r := range chosen[len(l.shape.runs):] {
		l.noteClosing(r.Close())
	}
	if err := l.sys.files.SyncDir(l.indexDir()); err != nil { // whoever named them may have ended before their names were on the disk
		return err
	}
	return l.forgetIndex(all)
}

// choose goes through the names of the runs that fit the segments, one after the other, the largest first; take reports whether it took
// the run, which ends with a segment.
func choose(names []string, all []*found, take func(name string, last *found) (bool, error)) error {
	ends := map[uint64]*found{} // full segments by the sequence after them
	begins := map[uint64]bool{}
	for _, f := range all {
		begins[f.header.sequence] = true
		if f.seal != nil {
			ends[f.next] = f
		}
	}
	until := uint64(1)
	for _, name := range largestFirst(names) {
		first, next, _ := index.ParseName(name)
		if first < until || !begins[first] || ends[next] == nil {
			continue
		}
		taken, err := take(name, ends[next])
		if err != nil {
			return err
		}
		if taken {
			until = next
		}
	}
	return nil
}

// upToLostGap returns the runs before the first segment that was compacted and whose index is lost: what is gone from it cannot be made
// again, and those after it count on it.
func upToLostGap(runs []*run, all []*found) []*run {
	for _, f := range all {
		if f.seal == nil || f.header.version < compacted || (&shape{runs: runs}).runOf(f.segment) != nil {
			continue
		}
		return runs[:sortedBefore(runs, f.header.sequence)]
	}
	return runs
}

// sortedBefore returns how many of the runs end before a commit.
func sortedBefore(runs []*run, sequence uint64) (n int) {
	for n < len(runs) && runs[n].Next <= sequence {
		n++
	}
	return n
}

// largestFirst returns the names of runs in order of their beginning, of several with one beginning the largest first.
func largestFirst(names []string) (runs []string) {
	for _, name := range names {
		if _, _, ok := index.ParseName(name); ok {
			runs = append(runs, name)
		}
	}
	slices.SortFunc(runs, func(a, b string) int {
		firstA, nextA, _ := index.ParseName(a)
		firstB, nextB, _ := index.ParseName(b)
		return cmp.Or(cmp.Compare(firstA, firstB), cmp.Compare(nextB, nextA))
	})
	return runs
}

// openRun opens a run, nil when it is damaged, or about something else than the segments that there are.
func (l *Log) openRun(name string, last *found) (*run, error) {
	r, err := index.Open(l.sys.files, filepath.Join(l.indexDir(), name))
	var damage *index.Damage
	if errors.As(err, &damage) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !last.endsRun(r) {
		return nil, r.Close()
	}
	held := &run{Run: r}
	held.take()
	return held, nil
}

// endsRun reports whether the run ends with the segment.
func (f *found) endsRun(r *index.Run) bool {
	return r.Store == f.header.store && r.Digest == f.chain && r.End() == f.end
}

// forgetIndex removes the files of the index that are of no use: runs that are not open, and places of segments that are not there.
func (l *Log) forgetIndex(all []*found) error {
	names, err := l.sys.files.List(l.indexDir())
	if err != nil {
		return err
	}
	keep := map[string]bool{}
	for _, r := range l.shape.runs {
		keep[filepath.Base(r.Path())] = true
	}
	for _, f := range all {
		keep[filepath.Base(placesPath("", f.header.sequence))] = true
	}
	for _, name := range names {
		ours := strings.HasSuffix(name, placesSuffix) || strings.HasSuffix(name, index.Suffix)
		if !ours || keep[name] {
			continue
		}
		if err := l.sys.files.Remove(filepath.Join(l.indexDir(), name)); err != nil {
			return err
		}
	}
	return nil
}

// missing says what files do not have of a segment.
type missing struct{ places, index bool }

func (m missing) any() bool { return m.places || m.index }

// lacks returns what files do not have of a segment, and opens its places.
func (l *Log) lacks(f *found) (missing, error) {
	placed, err := l.hasPlaces(f)
	return missing{places: !placed, index: f.seal == nil || l.shape.runOf(f.segment) == nil}, err
}

// hasPlaces reports whether a file has the places of a full segment, and opens it.
func (l *Log) hasPlaces(f *found) (bool, error) {
	if f.seal == nil {
		return false, nil
	}
	p, err := openPlaces(l.sys.files, l.indexDir(), f.segment)
	if errors.Is(err, store.ErrDamaged) || errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		f.setPlaces(p)
	}
	return err == nil, err
}

// lacksItems reports whether the items may lack some that the segment has.
func (l *Log) lacksItems(f *found) bool {
	if f.seal == nil {
		return true
	}
	if l.items != nil && l.items.Mark().Sequence+1 >= f.next {
		return false
	}
	r := l.shape.runOf(f.segment)
	return r == nil || r.Items() > 0
}

// checkItems makes the items again when they have more than the log, which then has lost its end: it was not synced, or is an older
// copy.
func (l *Log) checkItems(all []*found) error {
	if l.items == nil || l.items.Mark().Sequence <= l.sequencer.sequence {
		return nil
	}
	if err := l.forgetItems(); err != nil {
		return err
	}
	for _, f := range all {
		again, err := newScanner(f.file, f.path, f.scan.size)
		if err != nil {
			return err
		}
		f.scan = again
		f.seal = nil
		if err := l.replay(f, missing{}); err != nil {
			return err
		}
		if f.broken != nil {
			return f.broken
		}
	}
	return nil
}
