package filelog_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// simFile is an open file.
type simFile struct {
	disk *simDisk
	node *simNode
	name string
	boot int
}

// begin returns the fault that befalls the operation. The disk is locked.
func (f *simFile) begin(read bool, op string) (simFault, error) {
	if f.boot != f.disk.boot {
		return noFault, fmt.Errorf("%s %s: %w", op, f.name, fs.ErrClosed)
	}
	return f.disk.strikes(read, op, f.name)
}

func (f *simFile) ReadAt(b []byte, off int64) (int, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	fault, err := f.begin(true, "read")
	if err != nil {
		return 0, err
	}
	if d.random.IntN(12) == 0 {
		f.node.evict(d.sector)
	}
	n := copy(b, f.node.cache[min(int(off), len(f.node.cache)):])
	if fault != noFault {
		return d.random.IntN(n + 1), d.fails(fault, "read", f.name)
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *simFile) WriteAt(b []byte, off int64) (int, error) {
	d := f.disk
	d.lookFirst()
	d.mu.Lock()
	defer d.mu.Unlock()
	op := fmt.Sprintf("write %d bytes at %d of", len(b), off)
	fault, err := f.begin(false, op)
	if err != nil {
		return 0, err
	}
	if fault == diskFull || fault == noFault && d.full {
		fault = noFault
		if int(off)+len(b) > len(f.node.cache) {
			fault = diskFull
		}
	}
	if fault == noFault {
		f.node.write(b, int(off), d.sector)
		return len(b), nil
	}
	n := d.random.IntN(len(b) + 1)
	f.node.write(b[:n], int(off), d.sector)
	if fault == diskFull && strings.HasSuffix(f.name, ".seg") && len(bytes.Trim(b, "\x00")) == 0 { // written ahead, so that nobody needs them
		return n, d.refuses(fault, op, f.name)
	}
	return n, d.fails(fault, op, f.name)
}

func (d *simDisk) lookFirst() {
	if d.look != nil {
		d.look()
	}
}

func (f *simFile) Size() (int64, error) {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(len(f.node.cache)), d.read("size of", f.name)
}

func (f *simFile) Truncate(size int64) error {
	d := f.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.change("truncate", f.name, false, func() error {
		f.node.truncate(int(size), d.sector)
		return nil
	})
}

func (f *simFile) SyncData() error { return f.Sync() }

func (f *simFile) Sync() error {
	d := f.disk
	d.lookFirst()
	d.mu.Lock()
	defer d.mu.Unlock()
	fault, err := f.begin(false, "sync")
	switch {
	case err != nil:
		return err
	case fault == noFault:
		f.node.sync(d.sector)
		return nil
	case fault == ioError || fault == diskFull:
		f.node.loseSync(d.sector, d.random)
		d.lost = true
	case d.half():
		f.node.sync(d.sector)
	}
	return d.fails(fault, "sync", f.name)
}

func (f *simFile) Close() error { return nil }
