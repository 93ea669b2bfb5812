package peers

import "github.com/cockroachdb/pebble/v2/vfs"

// handOver is the file system in which a sync returns once the operating system has what was written. Pebble's own NoSync
// acknowledges what is still in the process, up to 32 KiB of it, which dies with the process.
type handOver struct{ vfs.FS }

func (fs handOver) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, category)
	return handedOver(f), err
}

func (fs handOver) ReuseForWrite(oldName, newName string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.ReuseForWrite(oldName, newName, category)
	return handedOver(f), err
}

func (fs handOver) OpenDir(name string) (vfs.File, error) {
	f, err := fs.FS.OpenDir(name)
	return handedOver(f), err
}

type unsyncedFile struct{ vfs.File }

func handedOver(f vfs.File) vfs.File {
	if f == nil {
		return nil
	}
	return unsyncedFile{f}
}

func (unsyncedFile) Sync() error                { return nil }
func (unsyncedFile) SyncData() error            { return nil }
func (unsyncedFile) SyncTo(int64) (bool, error) { return false, nil }
