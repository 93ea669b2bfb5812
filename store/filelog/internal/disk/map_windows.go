package disk

import (
	"errors"
	"math"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Map maps the file for reading. Windows maps nothing behind the end of a file.
func (f osFile) Map(size int64) (b []byte, unmap func() error, err error) {
	if now, err := f.Size(); err != nil || size > now || size > math.MaxInt {
		return nil, nil, errors.Join(err, errors.ErrUnsupported)
	}
	mapping, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, windows.PAGE_READONLY, uint32(size>>32), uint32(size), nil)
	if err != nil {
		return nil, nil, err
	}
	defer windows.CloseHandle(mapping)
	address, err := windows.MapViewOfFile(mapping, windows.FILE_MAP_READ, 0, 0, uintptr(size))
	if err != nil {
		return nil, nil, err
	}
	b = unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&address))), size)
	return b, func() error { return windows.UnmapViewOfFile(address) }, nil
}
