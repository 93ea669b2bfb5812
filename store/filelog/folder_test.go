package filelog_test

import (
	"os"
	"testing"

	"github.com/oxbow-events/oxbow/store/filelog"
)

func TestExistsTellsALogFromAFolder(t *testing.T) {
	dir := t.TempDir()
	expectLog := func(want bool) {
		t.Helper()
		if got, err := filelog.Exists(dir); got != want || err != nil {
			t.Errorf("Exists is %v, %v; want %v", got, err, want)
		}
	}
	expectLog(false)
	if entries, _ := os.ReadDir(dir); len(entries) > 0 {
		t.Errorf("Exists left %v", entries)
	}
	l, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	expectLog(true)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	expectLog(true)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	expectLog(false)
}
