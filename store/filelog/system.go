package filelog

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// system is all that the log asks of its surroundings.
type system struct {
	files  fileSystem
	lock   func(dir, holder string) (release func() error, err error)
	now    func() time.Time
	random io.Reader
}

func realSystem() system {
	return system{files: osFiles{}, lock: lockFolder, now: time.Now, random: rand.Reader}
}

// fileSystem is the seam where tests put slow and failing disks.
type fileSystem interface {
	OpenFile(name string, flag int) (file, error)
	IsDir(name string) bool
	Mkdir(dir string) error                      // an error answers to fs.ErrExist when it is there
	List(dir string) (names []string, err error) // in order
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error // so that the names in it survive a power cut
}

type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error     // the file with all that is known about it
	SyncData() error // what is needed to read it again
}

type osFiles struct{}

func (osFiles) OpenFile(name string, flag int) (file, error) {
	f, err := os.OpenFile(name, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFiles) List(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, err
}

func (osFiles) IsDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

func (osFiles) Mkdir(dir string) error       { return os.Mkdir(dir, 0o700) }
func (osFiles) Rename(from, to string) error { return os.Rename(from, to) }
func (osFiles) Remove(name string) error     { return os.Remove(name) }
func (osFiles) SyncDir(dir string) error     { return syncDir(dir) }

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) SyncData() error { return syncData(f.File) }

// makeDir creates the folder, its parents too, so that they survive a power cut.
func makeDir(files fileSystem, dir string) error {
	if files.IsDir(dir) {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(files, parent); err != nil {
			return err
		}
	}
	if err := files.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return files.SyncDir(parent)
}
