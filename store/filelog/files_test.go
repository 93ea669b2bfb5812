package filelog_test

import (
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/store/filelog"
)

// disk is a file system whose syncs and writes of segments a test decides on.
type disk struct {
	filelog.FileSystem
	sync  func() error         // instead of syncing; nil: do nothing, which is quick
	write func(b []byte) error // before writing; nil: nothing
}

// quick is a disk that does not sync: what the process itself sees is the same.
func quick() *disk { return &disk{FileSystem: filelog.RealFiles()} }

func (d *disk) OpenFile(name string, flag int) (filelog.File, error) {
	f, err := d.FileSystem.OpenFile(name, flag)
	return &diskFile{File: f, disk: d}, err
}

func (d *disk) SyncDir(string) error { return nil }

type diskFile struct {
	filelog.File
	disk *disk
}

func (f *diskFile) Sync() error { return nil }

func (f *diskFile) SyncData() error {
	if f.disk.sync == nil {
		return nil
	}
	return f.disk.sync()
}

// WriteAt writes half of what the disk then refuses.
func (f *diskFile) WriteAt(b []byte, off int64) (int, error) {
	if f.disk.write != nil {
		if err := f.disk.write(b); err != nil {
			n, _ := f.File.WriteAt(b[:len(b)/2], off)
			return n, err
		}
	}
	return f.File.WriteAt(b, off)
}

func openOn(t testing.TB, dir string, cfg filelog.Config, files filelog.FileSystem) *filelog.Log {
	t.Helper()
	l, err := filelog.OpenOn(dir, cfg, files)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// gate is a sync that a test holds up.
type gate struct {
	reached chan struct{} // a sync has begun
	result  chan error    // lets it end

	mu    sync.Mutex
	count int
}

func newGate() *gate { return &gate{reached: make(chan struct{}), result: make(chan error)} }

func (g *gate) sync() error {
	g.mu.Lock()
	g.count++
	g.mu.Unlock()
	g.reached <- struct{}{}
	return <-g.result
}

func (g *gate) syncs() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.count
}
