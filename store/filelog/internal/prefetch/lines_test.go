package prefetch_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
	"github.com/oxbow-events/oxbow/store/filelog/internal/prefetch"
)

// Bytes that cannot be read are asked for as well as others, since asking reads nothing.
func TestAskingNeverFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := disk.OS{}.OpenFile(path, os.O_RDWR)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, unmap, err := disk.Map(f, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	prefetch.Lines(nil)
	prefetch.Lines(b[:0])
	prefetch.Lines(b)
	prefetch.Lines(b[len(b)-1:])
	if err := unmap(); err != nil {
		t.Fatal(err)
	}
	prefetch.Lines(b[:4096])
}
