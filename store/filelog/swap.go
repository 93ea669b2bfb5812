package filelog

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
)

// swapSuffix is the end of the name of a compacted segment that is to take the place of the old one when the log is opened, for systems
// that cannot replace a file that is in use.
const swapSuffix = ".compacted"

// swap puts compacted segments in place of the old ones.
func (l *Log) swap() error {
	names, err := l.sys.files.List(l.logDir())
	if err != nil {
		return err
	}
	for _, name := range names {
		old, ok := strings.CutSuffix(name, segmentSuffix+swapSuffix)
		if !ok {
			continue
		}
		old += segmentSuffix
		if err := l.swapOne(filepath.Join(l.logDir(), name), filepath.Join(l.logDir(), old), slices.Contains(names, old)); err != nil {
			return err
		}
	}
	return nil
}

// swapOne renames a compacted segment, unless the old one is not there, as after a move to the archive.
func (l *Log) swapOne(from, to string, there bool) error {
	if !there {
		return l.sys.files.Remove(from)
	}
	same, err := l.sameSegment(from, to)
	if err != nil {
		return err
	}
	if !same {
		return l.sys.files.Remove(from)
	}
	return l.sys.files.Rename(from, to)
}

// sameSegment reports whether two files are one segment, before it was compacted and after.
func (l *Log) sameSegment(a, b string) (same bool, err error) {
	one, err := l.look(segmentPath{path: a}, false)
	if err != nil {
		return false, err
	}
	two, err := l.look(segmentPath{path: b}, false)
	if err != nil {
		return false, errors.Join(err, one.close())
	}
	same = one.seal != nil && two.seal != nil && one.header.store == two.header.store &&
		one.header.sequence == two.header.sequence && one.chain == two.chain
	return same, errors.Join(one.close(), two.close())
}
