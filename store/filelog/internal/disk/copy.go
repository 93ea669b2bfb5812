package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Copy copies so many bytes of a file to a new one, and syncs it. It tells goOn after each part how many bytes that was, and ends with
// its error.
func Copy(files FileSystem, from, to string, size int64, goOn func(bytes int64) error) (err error) {
	source, err := files.OpenFile(from, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := files.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	if err := copyParts(source, target, size, goOn); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return target.Sync()
}

func copyParts(source io.ReaderAt, target io.WriterAt, size int64, goOn func(bytes int64) error) error {
	b := make([]byte, min(size, HugePage))
	for off := int64(0); off < size; off += int64(len(b)) {
		b = b[:min(int64(len(b)), size-off)]
		switch n, err := source.ReadAt(b, off); {
		case n < len(b) && (err == nil || errors.Is(err, io.EOF)):
			return io.ErrUnexpectedEOF
		case err != nil && !errors.Is(err, io.EOF):
			return err
		}
		if _, err := target.WriteAt(b, off); err != nil {
			return err
		}
		if err := goOn(int64(len(b))); err != nil {
			return err
		}
	}
	return nil
}
