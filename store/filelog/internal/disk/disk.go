// Package disk is all that the log asks of files: an interface that tests put slow and failing disks behind, and the operating
// system's own.
package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FileSystem is the seam where tests put slow and failing disks.
type FileSystem interface {
	OpenFile(name string, flag int) (File, error)
	IsDir(name string) bool
	Mkdir(dir string) error                      // an error answers to fs.ErrExist when it is there
	List(dir string) (names []string, err error) // in order
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error // so that the names in it survive a power cut
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error     // the file with all that is known about it
	SyncData() error // what is needed to read it again
}

// Mapper is a File that can be seen as memory. Bytes behind the file's end are there once the file has grown; to look at them
// before is a fault.
type Mapper interface {
	Map(size int64) (b []byte, unmap func() error, err error)
}

// Linker is a FileSystem that can give a file a second name.
type Linker interface {
	Link(from, to string) error
	Linked(a, b string) bool // whether both are names of one file
}

// OS is the operating system's file system. What it creates is for its owner only.
type OS struct{}

// OpenFile opens a file as os.OpenFile does.
func (OS) OpenFile(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// List returns the names in a folder, in order.
func (OS) List(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, err
}

// IsDir reports whether there is a folder of that name.
func (OS) IsDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// Mkdir makes a folder.
func (OS) Mkdir(dir string) error { return os.Mkdir(dir, 0o700) }

// Rename gives a file another name, in place of what had that one.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove removes a file.
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir makes sure of the names in a folder.
func (OS) SyncDir(dir string) error { return syncDir(dir) }

// Link gives a file a second name.
func (OS) Link(from, to string) error { return os.Link(from, to) }

// Linked reports whether both are names of one file.
func (OS) Linked(a, b string) bool {
	first, err1 := os.Stat(a)
	second, err2 := os.Stat(b)
	return errors.Join(err1, err2) == nil && os.SameFile(first, second)
}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) SyncData() error { return syncData(f.File) }

// MakeDir creates the folder, its parents too, so that they survive a power cut.
func MakeDir(files FileSystem, dir string) error {
	if files.IsDir(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MakeDir(files, parent); err != nil {
			return err
		}
	}
	if err := files.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return files.SyncDir(parent)
}

// Map returns the file as memory: up to size bytes of it, mapped where the file can be, and read otherwise.
func Map(f File, size int64) (b []byte, unmap func() error, err error) {
	if m, ok := f.(Mapper); ok && size > 0 {
		if b, unmap, err = m.Map(size); err == nil {
			return b, unmap, nil
		}
	}
	b = make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], func() error { return nil }, err
}
