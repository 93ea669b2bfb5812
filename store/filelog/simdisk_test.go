package filelog_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/oxbow-events/oxbow/store/filelog"
)

// simDisk is a file system in memory that does to its files what real disks do; docs/adr/0008-faults-of-the-disk.md describes it. All that is
// random in it comes from its seed.
type simDisk struct {
	random *rand.Rand
	sector int    // what is written as a whole or not at all
	look   func() // called before segments are written and synced, unless nil

	mu       sync.Mutex
	root     *simNode
	boot     int   // files opened by a process that is gone are of no use
	gone     bool  // the process is dead, or the power is out
	struck   error // the fault that befell something since it was last asked
	full     bool
	lastRead bool // the fault that struck last befell a read
	lastLink bool // it befell a link, in whose place a copy will do
	lost     bool // a sync has failed, and what it did not write may be forgotten
	armed    simFault
	after    int // so many operations before the armed fault strikes
	trace    func(format string, args ...any)

	items *vfs.MemFS // where Pebble has its files
}

// simFault is something that goes wrong once.
type simFault int

const (
	noFault  simFault = iota
	powerCut          // at a change, which happens, or does not, or in part
	killed            // the same, but the system lives on, and all it was told
	ioError           // of a change; a write happens in part, a sync loses what it did not write
	diskFull          // from then on nothing can grow
	badRead           // of one read
	allFaults
)

var (
	errPowerCut = errors.New("power cut")
	errKilled   = errors.New("killed")
)

func (f simFault) error() error {
	return [...]error{noFault: nil, powerCut: errPowerCut, killed: errKilled, ioError: syscall.EIO, diskFull: syscall.ENOSPC, badRead: syscall.EIO}[f]
}

func newSimDisk(random *rand.Rand, trace func(string, ...any)) *simDisk {
	return &simDisk{
		random: random, sector: []int{512, 4096}[random.IntN(2)], trace: trace,
		root: newSimFolder(), items: vfs.NewCrashableMem(),
	}
}

// arm lets a fault strike after so many more operations.
func (d *simDisk) arm(f simFault, after int) { d.armed, d.after = f, after }

// takeStruck returns the fault that befell an operation since the last call, nil when there was none.
func (d *simDisk) takeStruck() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	struck := d.struck
	d.struck = nil
	return struck
}

// restart lets the next process begin: there is room again, and the power is on.
func (d *simDisk) restart(withoutPower bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.boot, d.gone, d.full, d.armed, d.struck = d.boot+1, false, false, noFault, nil
	d.items = d.items.CrashClone(d.crash(withoutPower))
	if withoutPower {
		d.root.cutPower(d.sector, d.random)
	} else if d.random.IntN(2) == 0 {
		d.evict(d.root)
	}
}

// crash is what happens to Pebble's files: after a power cut any part of what was not synced is gone.
func (d *simDisk) crash(withoutPower bool) vfs.CrashCloneCfg {
	c := vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(d.random.Uint64(), 0))}
	if withoutPower {
		c.UnsyncedDataPercent = d.random.IntN(101)
	}
	return c
}

func (d *simDisk) evict(n *simNode) {
	n.evict(d.sector)
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		d.evict(n.entries[name])
	}
}

// strikes returns the fault that befalls the operation, if one does.
func (d *simDisk) strikes(read bool, op, name string) (simFault, error) {
	if d.gone {
		return noFault, fmt.Errorf("%s %s: %w", op, name, errKilled)
	}
	d.trace("    %s %s", op, name)
	if d.armed == noFault || read != (d.armed == badRead) {
		return noFault, nil
	}
	if d.after > 0 {
		d.after--
		return noFault, nil
	}
	f := d.armed
	d.armed, d.lastRead = noFault, f == badRead
	d.gone = f == powerCut || f == killed
	d.full = d.full || f == diskFull
	return f, nil
}

// fails notes that the operation failed with the fault, and returns its error.
func (d *simDisk) fails(f simFault, op, name string) error {
	if d.struck == nil || f != badRead { // a full disk, which stays so, may follow a read that failed, and counts for more
		d.struck, d.lastLink = f.error(), op == "link"
	}
	return d.refuses(f, op, name)
}

// refuses returns the error of a fault.
func (d *simDisk) refuses(f simFault, op, name string) error {
	d.trace("    %s %s: %v", op, name, f.error())
	return fmt.Errorf("%s %s: %w", op, name, f.error())
}

// half decides of an operation that the process does not hear the end of.
func (d *simDisk) half() bool { return d.random.IntN(2) == 0 }

// change does something that happens as a whole or not at all.
func (d *simDisk) change(op, name string, grows bool, do func() error) error {
	f, err := d.strikes(false, op, name)
	switch {
	case err != nil:
		return err
	case f == noFault && !(d.full && grows), f == diskFull && !grows:
		return do()
	case f == powerCut || f == killed:
		if d.half() {
			do()
		}
	case f == noFault:
		f = diskFull
	}
	return d.fails(f, op, name)
}

// read returns the error of something that only looks.
func (d *simDisk) read(op, name string) error {
	f, err := d.strikes(true, op, name)
	if err != nil || f == noFault {
		return err
	}
	return d.fails(f, op, name)
}

func (d *simDisk) find(name string) (*simNode, bool) {
	if name == "." {
		return d.root, true
	}
	folder, ok := d.find(filepath.Dir(name))
	if !ok {
		return nil, false
	}
	n, ok := folder.entries[filepath.Base(name)]
	return n, ok
}

func (d *simDisk) IsDir(name string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, ok := d.find(name)
	return ok && n.entries != nil
}

func (d *simDisk) Mkdir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.change("mkdir", name, true, func() error { return d.add(name, newSimFolder()) })
}

func (d *simDisk) add(name string, n *simNode) error {
	folder, ok := d.find(filepath.Dir(name))
	if !ok {
		return &fs.PathError{Op: "create", Path: name, Err: fs.ErrNotExist}
	}
	if _, ok := d.find(name); ok {
		return &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	folder.change(func(entries map[string]*simNode) { entries[filepath.Base(name)] = n })
	return nil
}

func (d *simDisk) List(name string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.read("list", name); err != nil {
		return nil, err
	}
	n, ok := d.find(name)
	if !ok {
		return nil, &fs.PathError{Op: "list", Path: name, Err: fs.ErrNotExist}
	}
	return slices.Sorted(maps.Keys(n.entries)), nil
}

func (d *simDisk) OpenFile(name string, flag int) (filelog.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, ok := d.find(name)
	if !ok && flag&os.O_CREATE == 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	err := d.change("open", name, !ok, func() error {
		if !ok {
			return d.add(name, newSimFile())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	n, _ := d.find(name)
	if flag&os.O_TRUNC != 0 {
		n.truncate(0, d.sector)
	}
	return &simFile{disk: d, node: n, name: name, boot: d.boot}, nil
}

func (d *simDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	folder, _ := d.find(filepath.Dir(from))
	return d.change("rename", from, true, func() error {
		folder.change(func(entries map[string]*simNode) {
			if n, ok := entries[filepath.Base(from)]; ok {
				entries[filepath.Base(to)] = n
				delete(entries, filepath.Base(from))
			}
		})
		return nil
	})
}

func (d *simDisk) Link(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.change("link", to, true, func() error {
		n, ok := d.find(from)
		if !ok {
			return &fs.PathError{Op: "link", Path: from, Err: fs.ErrNotExist}
		}
		return d.add(to, n)
	})
}

func (d *simDisk) Linked(a, b string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	first, _ := d.find(a)
	second, _ := d.find(b)
	return first != nil && first == second
}

func (d *simDisk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	folder, _ := d.find(filepath.Dir(name))
	return d.change("remove", name, false, func() error {
		folder.change(func(entries map[string]*simNode) { delete(entries, filepath.Base(name)) })
		return nil
	})
}

func (d *simDisk) SyncDir(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.change("sync folder", name, false, func() error {
		n, ok := d.find(name)
		if ok {
			n.syncEntries()
		}
		return nil
	})
}

// flip changes a bit of a file, on the disk and in the cache.
func (d *simDisk) flip(name string, at int, bit byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, _ := d.find(name)
	n.cache[at] ^= bit
	n.disk[at] ^= bit
}
