package filelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// placer tells where in a segment the records lie: the offset of the entry of the i-th of them, with firstInCommit set when its
// commit begins there. Offset 0 is that of a record that is gone; when it was the first of a commit of which something is left, the offset
// is that of the entry that tells so.
type placer interface {
	at(i uint64) (uint32, error)
}

const firstInCommit = 1 << 31

func placeOf(offset int64, first bool) uint32 {
	if first {
		return uint32(offset) | firstInCommit
	}
	return uint32(offset)
}

// places are those of a segment that is being written. A copy of it may be read while more are added.
type places struct {
	chunks []*[chunkSize]uint32
	count  uint64
}

const chunkSize = 4096

func (t *places) add(offset uint32) {
	if t.count%chunkSize == 0 {
		t.chunks = append(t.chunks, new([chunkSize]uint32))
	}
	t.chunks[t.count/chunkSize][t.count%chunkSize] = offset
	t.count++
}

func (t places) at(i uint64) (uint32, error) { return t.chunks[i/chunkSize][i%chunkSize], nil }

// A file of places belongs to a full segment. It is a header, little endian, and four bytes for each record:
//
//	 0  8  magic "oxbowpos"
//	 8  8  format version
//	16 16  store id
//	32  8  sequence of the segment's first commit
//	40  8  first position
//	48  8  number of records
//	56 32  SHA-256 of the file of the segment, as its seal has it
//	88  4  CRC-32C of what follows the header
//	92  4  CRC-32C of the header before it
const (
	placesMagic   = "oxbowpos"
	placesVersion = 1
	placesHeader  = 96
	placesSuffix  = ".pos"
)

func placesPath(dir string, sequence uint64) string {
	return filepath.Join(dir, strings.TrimSuffix(segmentName(sequence), segmentSuffix)+placesSuffix)
}

func encodePlaces(h *header, d digest, t *places) []byte {
	b := make([]byte, 0, placesHeader+4*t.count)
	b = append(b, placesMagic...)
	b = binary.LittleEndian.AppendUint64(b, placesVersion)
	b = append(b, h.store[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.sequence)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.first))
	b = binary.LittleEndian.AppendUint64(b, t.count)
	b = append(b, d[:]...)
	b = b[:placesHeader]
	for i := range t.count {
		b = binary.LittleEndian.AppendUint32(b, t.chunks[i/chunkSize][i%chunkSize])
	}
	binary.LittleEndian.PutUint32(b[88:], crc32.Checksum(b[placesHeader:], castagnoli))
	binary.LittleEndian.PutUint32(b[92:], crc32.Checksum(b[:92], castagnoli))
	return b
}

// writePlaces writes the places of a full segment.
func writePlaces(files fileSystem, dir string, s *segment, t *places) error {
	return disk.WriteWhole(files, placesPath(dir, s.header.sequence), encodePlaces(&s.header, s.digest, t))
}

// placesFile is the places in a file.
type placesFile struct {
	path    string
	data    []byte
	count   uint64
	checked atomic.Bool
	unmap   func() error
}

// errStale says that places are those of the segment as it was before, or will be after, it is written anew: a crash came between the two.
var errStale = errors.New("the places are not those of the segment as it is")

// openPlaces opens the places of a full segment. An error that answers to store.ErrDamaged says that they must be made again.
func openPlaces(files fileSystem, dir string, s *segment) (*placesFile, error) {
	path := placesPath(dir, s.header.sequence)
	f, err := files.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, placesHeader)
	if _, err := f.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	count := binary.LittleEndian.Uint64(head[48:])
	want := encodePlaces(&s.header, s.digest, &places{})
	if binary.LittleEndian.Uint32(head[92:]) != crc32.Checksum(head[:92], castagnoli) || string(head[:8]) != placesMagic {
		return nil, &DamageError{File: path, Reason: "the checksum of its header does not match", Index: true}
	}
	if string(head[:48]) != string(want[:48]) || string(head[56:88]) != string(want[56:88]) || count != uint64(s.end+1-s.header.first) ||
		size != placesHeader+4*int64(count) {
		return nil, fmt.Errorf("%w: %w", errStale, &DamageError{File: path, Reason: "it does not belong to the segment", Index: true})
	}
	p := &placesFile{path: path, count: count}
	p.data, p.unmap, err = disk.Map(f, size)
	return p, err
}

func (t *placesFile) at(i uint64) (uint32, error) {
	if !t.checked.Load() {
		if err := t.check(); err != nil {
			return 0, err
		}
	}
	return binary.LittleEndian.Uint32(t.entry(i)), nil
}

// entry returns the bytes that say where the i-th record lies.
func (t *placesFile) entry(i uint64) []byte { return t.data[placesHeader+4*i:][:4] }

// check checks the whole file, when it is first used.
func (t *placesFile) check() error {
	if crc32.Checksum(t.data[:92], castagnoli) != binary.LittleEndian.Uint32(t.data[92:]) {
		return &DamageError{File: t.path, Reason: "the checksum of its header does not match", Index: true}
	}
	if crc32.Checksum(t.data[placesHeader:], castagnoli) != binary.LittleEndian.Uint32(t.data[88:]) {
		return &DamageError{File: t.path, Offset: placesHeader, Reason: "the checksum of the index does not match", Index: true}
	}
	t.checked.Store(true)
	return nil
}

// addGone adds those of so many records that are gone. at is the offset of the first when its commit begins there, and 0 otherwise.
func (t *places) addGone(n uint64, at uint32) {
	for i := range n {
		if i > 0 {
			at = 0
		}
		t.add(at)
	}
}

// commitAt returns the number of the record with which the commit of the i-th record begins.
func commitAt(t placer, i uint64) (uint64, error) {
	for ; ; i-- {
		offset, err := t.at(i)
		if err != nil || offset&firstInCommit != 0 || i == 0 {
			return i, err
		}
	}
}

// indexOf is the number that a position has in a segment.
func (s *segment) indexOf(p store.Position) uint64 { return uint64(p - s.header.first) }
