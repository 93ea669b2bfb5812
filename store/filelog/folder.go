package filelog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// FormatVersion is the version of the files that this package writes. It reads this one and all before.
const FormatVersion = formatVersion

// The parts of a folder.
const (
	logFolder   = "log"
	indexFolder = "index"
	itemsFolder = "items"
)

// Exists reports whether the folder holds a log. It opens and changes nothing.
func Exists(dir string) (bool, error) {
	info, err := os.Stat(filepath.Join(dir, logFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}
