package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// fullDisk is a file system on which no table of Pebble's can be created while it is full.
func fullDisk(fs vfs.FS) (broken vfs.FS, full *atomic.Bool) {
	full = new(atomic.Bool)
	return errorfs.Wrap(fs, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, ".sst") {
			return syscall.ENOSPC
		}
		return nil
	})), full
}

func TestItemsThatCannotBeWrittenStopTheLogAndLoseNothing(t *testing.T) {
	dir := t.TempDir()
	disk, full := fullDisk(vfs.Default)
	l, err := filelog.OpenItemsOn(dir, filelog.Config{SegmentBytes: 2000, NoSync: true}, disk)
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := -1
	for n := 0; ; n++ {
		full.Store(n > 5)
		c := commit(record(n, "a"))
		c.Items = []store.ItemWrite{store.Put("b", "k", fmt.Append(nil, n))}
		_, err := l.Append(context.Background(), c)
		if err == nil {
			acknowledged = n
			continue
		}
		if !errors.Is(err, store.ErrFailed) || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "open the folder again") {
			t.Fatal(err)
		}
		break
	}
	if got := len(texts(t, l)); got < acknowledged+1 {
		t.Errorf("read %d events after the failure, want %d", got, acknowledged+1)
	}
	l.Close() // returns, though Pebble would try for ever
	full.Store(false)
	l = open(t, dir, filelog.Config{})
	item, err := l.Get(t.Context(), "b", "k")
	if err != nil || len(texts(t, l)) < acknowledged+1 || string(item.Value) < fmt.Sprint(acknowledged) && len(item.Value) <= len(fmt.Sprint(acknowledged)) {
		t.Errorf("after reopening: %d events, item %+v, error %v; %d was acknowledged", len(texts(t, l)), item, err, acknowledged)
	}
}

func TestItemsAreThereAfterAKillWithoutAFlush(t *testing.T) {
	dir := t.TempDir()
	items := vfs.NewCrashableMem()
	l, err := filelog.OpenItemsOn(dir, filelog.Config{}, items)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 10 {
		appendTo(t, l, store.Commit{Items: []store.ItemWrite{store.Put("b", fmt.Sprint(n), []byte("v")), store.Delete("b", fmt.Sprint(n-3))}})
	}
	log, lost := image(t, dir), items.CrashClone(vfs.CrashCloneCfg{})
	want := list(t, l)
	l.Close()
	l, err = filelog.OpenItemsOn(log, filelog.Config{}, lost)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := list(t, l); got != want || strings.Count(got, "Revision") != 3 {
		t.Errorf("got %s, want %s", got, want)
	}
}

func list(t *testing.T, l *filelog.Log) string {
	t.Helper()
	var b strings.Builder
	for item, err := range l.List(t.Context(), "b", "", "") {
		fmt.Fprintf(&b, "%+v %v\n", item, err)
	}
	return b.String()
}
