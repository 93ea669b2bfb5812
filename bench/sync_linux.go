package main

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncData returns when the file's content is on the disk.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }

// forgetFolder has the system forget what it keeps in memory of the files in a folder, which are on the disk, and which nobody has mapped.
func forgetFolder(dir string) error {
	return eachFile(dir, func(path string, _ fs.DirEntry) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return errors.Join(unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED), f.Close())
	})
}
