package filelog

import (
	"crypto/rand"
	"io"
	"runtime"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// system is all that the log asks of its surroundings.
type system struct {
	files      disk.FileSystem
	items      vfs.FS // where Pebble has its files
	lock       func(dir, holder string) (release func() error, err error)
	now        func() time.Time
	random     io.Reader
	swapAtOpen bool // a file cannot be replaced while it is mapped
	inline     bool // what is done beside the writing is done by the writer, so that a test sees the same steps each time
}

func realSystem() system {
	return system{files: disk.OS{}, items: vfs.Default, lock: lockFolder, now: time.Now, random: rand.Reader, swapAtOpen: runtime.GOOS == "windows"}
}

// The interfaces to files.
type (
	fileSystem = disk.FileSystem
	file       = disk.File
)
