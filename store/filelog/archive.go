package filelog

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// The file ARCHIVE in the folder of a log says where its archived segments are. It is three lines of text: a magic word with the version,
// the path of the folder, and the CRC-32C of these two lines in hex. A path that is not absolute begins at the folder of the log, so that
// both can be moved together.
const (
	archiveFile  = "ARCHIVE"
	archiveMagic = "oxbow archive 1"
)

// ArchiveError says that segments of a log are in an archive and cannot be found there.
type ArchiveError struct {
	Folder  string // of the archive
	Missing string // the first segment that is missing
	Err     error  // why, when the folder cannot be read; nil otherwise
}

func (e *ArchiveError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("the archive %s cannot be read, and %s is there: %v; mount or restore it, or write its new place into the file %s",
			filepath.ToSlash(e.Folder), e.Missing, e.Err, archiveFile)
	}
	return fmt.Sprintf("%s is not in the archive %s, where it was moved; mount or restore it", e.Missing, filepath.ToSlash(e.Folder))
}

func (e *ArchiveError) Unwrap() error { return e.Err }

// archiveOf returns the folder of the archive of the log in dir, "" when it never had one.
func archiveOf(files fileSystem, dir string) (archive string, err error) {
	path := filepath.Join(dir, archiveFile)
	f, err := files.OpenFile(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, 8<<10)
	n, err := readFull(f, b, 0)
	if err != nil {
		return "", err
	}
	noted, ok := parseArchive(b[:n])
	if !ok {
		return "", &DamageError{File: path, Reason: "it does not say where the archive is"}
	}
	if filepath.IsAbs(noted) {
		return noted, nil
	}
	return filepath.Join(dir, noted), nil
}

func encodeArchive(path string) []byte {
	b := fmt.Appendf(nil, "%s\n%s\n", archiveMagic, path)
	return fmt.Appendf(b, "%08x\n", crc32.Checksum(b, castagnoli))
}

func parseArchive(b []byte) (path string, ok bool) {
	lines := strings.Split(string(b), "\n")
	if len(lines) != 4 || lines[0] != archiveMagic || lines[1] == "" {
		return "", false
	}
	return lines[1], bytes.Equal(b, encodeArchive(lines[1]))
}

// writeArchive notes the folder of the archive.
func writeArchive(files fileSystem, dir, noted string) error {
	return disk.WriteWhole(files, filepath.Join(dir, archiveFile), encodeArchive(noted))
}

// segmentPath is where a segment lies.
type segmentPath struct {
	path     string
	archived bool
}

// withArchived returns where the segments of the log in dir lie, in order: those of its archive that are older than all in its own
// folder, and these, which are named.
func withArchived(files fileSystem, dir, logFolder string, names []string) (all []segmentPath, err error) {
	archive, err := archiveOf(files, dir)
	if err != nil {
		return nil, err
	}
	if archive != "" && len(names) == 0 {
		return nil, &DamageError{
			File: filepath.Join(dir, logFolder), Reason: "there is no segment in it, and older ones are in the archive " + filepath.ToSlash(archive),
		}
	}
	if first := segmentName(1); archive != "" && names[0] != first {
		archived, err := segmentNames(files, archive)
		if err != nil {
			return nil, &ArchiveError{Folder: archive, Missing: first, Err: err}
		}
		if len(archived) == 0 || archived[0] != first {
			return nil, &ArchiveError{Folder: archive, Missing: first}
		}
		for _, name := range archived {
			if name < names[0] { // one that is in both places was being moved
				all = append(all, segmentPath{filepath.Join(archive, name), true})
			}
		}
	}
	for _, name := range names {
		all = append(all, segmentPath{filepath.Join(dir, logFolder, name), false})
	}
	return all, nil
}

// checkArchived checks that archived segments are the ones that belong, before anything is done with what is made from them.
func checkArchived(all []*found) error {
	for i, f := range all[1:] {
		before := all[i]
		if before.archived && before.seal != nil && before.scan.sequence < f.header.sequence {
			return &ArchiveError{Folder: filepath.Dir(before.path), Missing: segmentName(before.scan.sequence)}
		}
	}
	for i := len(all) - 1; i > 0; i-- { // what is not archived is right, so that the newest of the wrong ones is told
		if before := all[i-1]; before.archived {
			if reason := before.foreignTo(all[i]); reason != "" {
				return &DamageError{File: before.path, Position: before.header.first, Reason: reason}
			}
		}
	}
	return nil
}

// foreignTo returns why a segment is not the one before the next.
func (f *found) foreignTo(next *found) string {
	switch {
	case f.header.store != next.header.store:
		return "it belongs to another store"
	case filepath.Base(f.path) != segmentName(f.header.sequence):
		return "it was written as " + segmentName(f.header.sequence)
	case f.seal != nil && (f.scan.sequence != next.header.sequence || f.seal.chain != next.header.previous):
		return fmt.Sprintf("it is not the segment that was moved to the archive, which %s continues", filepath.Base(next.path))
	default:
		return "" // one without a seal is found to be damaged when it is read
	}
}
