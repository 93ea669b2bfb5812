package filelog_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// What lies behind a reader's next records on its list does not touch it before their turn.
func TestDamageIsMetInItsTurn(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{SegmentBytes: 1500, NoSync: true})
	for n := range 40 {
		appendTo(t, l, commit(record(2*n, "a"), record(2*n+1, fmt.Sprintf("b-%d", n))))
	}
	l.Close()
	for _, n := range []int{2, 20, 30} {
		path, sound, at := holding(t, dir, fmt.Sprintf(`{"n":%d}`, 2*n))
		rewrite(t, path, flipped(sound, at))
		for _, backward := range []bool{false, true} {
			want := n
			if backward {
				want = 39 - n
			}
			l := open(t, dir, filelog.Config{})
			read, err := 0, error(nil)
			for _, err = range l.Read(t.Context(), store.Query{Any: []store.Filter{{Stream: "a"}}, Backward: backward}) {
				if err == nil {
					read++
				}
			}
			if read != want || !errors.Is(err, store.ErrDamaged) {
				t.Errorf("record %d is damaged, backward %t: read %d and %v, want %d and damage", n, backward, read, err, want)
			}
			l.Close()
		}
		rewrite(t, path, sound)
	}
}

// holding returns the segment in which a text stands, and where.
func holding(t *testing.T, dir, text string) (path string, b []byte, at int) {
	t.Helper()
	for _, path := range matching(t, filepath.Join(dir, "log", "*.seg")) {
		b := contents(t, path)
		if at := bytes.Index(b, []byte(text)); at >= 0 {
			return path, b, at
		}
	}
	t.Fatalf("%s stands nowhere", text)
	return "", nil, 0
}
