package main

import (
	"os"
	"syscall"
)

// syncData returns when the file's content is on the disk.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
