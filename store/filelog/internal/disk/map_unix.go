//go:build !windows

package disk

import (
	"errors"
	"math"
	"syscall"
)

// Map maps the file for reading.
func (f osFile) Map(size int64) (b []byte, unmap func() error, err error) {
	if size > math.MaxInt {
		return nil, nil, errors.ErrUnsupported
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		b, failed = syscall.Mmap(int(fd), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	})
	if err = errors.Join(err, failed); err != nil {
		return nil, nil, err
	}
	return b, func() error { return syscall.Munmap(b) }, nil
}
