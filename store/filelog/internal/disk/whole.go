package disk

import (
	"errors"
	"os"
	"path/filepath"
)

// NewSuffix is the end of the name of a file that is not complete yet.
const NewSuffix = ".new"

// HugePage is the size of the largest pieces in which Linux keeps a file in memory, on file systems that can, as ext4 since Linux 6.16. What is
// written at once, from the beginning of such a piece to its end, is kept in one, which takes one entry of a processor's translation buffer
// where it is mapped, and not 512, so that reading at random waits less.
const HugePage = 2 << 20

// PageEnd returns where the huge page ends in which an offset lies.
func PageEnd(off int64) int64 { return off - off%HugePage + HugePage }

// WriteWhole writes a file that has its name only once all of it is on the disk, in place of what had the name.
func WriteWhole(files FileSystem, path string, content []byte) error {
	f, err := files.OpenFile(path+NewSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return Name(files, path)
}

// Name gives a file, which is whole and on the disk under its name with NewSuffix, its name.
func Name(files FileSystem, path string) error {
	if err := files.Rename(path+NewSuffix, path); err != nil {
		return err
	}
	return files.SyncDir(filepath.Dir(path))
}
