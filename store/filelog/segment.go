package filelog

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

const (
	segmentSuffix = ".seg"
	newSuffix     = disk.NewSuffix // of a file that is not complete yet
)

// segment is a file of the log. What is said here of a full one never changes.
type segment struct {
	hold
	path   string
	header header
	file   file    // nil when all of it is mapped
	memory *memory // nil when it is not mapped

	archived bool // it lies in the archive, and is never changed
	sealed   bool
	size     int64          // of a full one, as all that follows
	end      store.Position // the last
	next     uint64         // sequence of the first commit after it
	digest   digest
	chain    digest                 // the digest that the next segment repeats: of the file before it was compacted
	placed   atomic.Pointer[placer] // where its records lie; those of the newest stand in the log, which adds to them
}

// memory is a mapped file.
type memory struct {
	bytes []byte
	unmap func() error
}

// mapUp maps so much of the file, if it can be.
func (s *segment) mapUp(size int64) {
	m, ok := s.file.(disk.Mapper)
	if !ok {
		return
	}
	if b, unmap, err := m.Map(size); err == nil {
		s.memory = &memory{b, unmap}
	}
}

// finish notes that the segment is full.
func (s *segment) finish(size int64, end store.Position, next uint64, seal *sealed) {
	s.sealed, s.size, s.end, s.next, s.digest, s.chain = true, size, end, next, seal.digest, seal.chain
}

// sealAt is where the seal of a full segment begins.
func (s *segment) sealAt() int64 {
	return s.size - int64(frameSize+entrySize+sealLength(s.header.version))
}

func (s *segment) places() placer { return *s.placed.Load() }

func (s *segment) setPlaces(p placer) { s.placed.Store(&p) }

// close lets go of the files.
func (s *segment) close() (err error) {
	if p := s.placed.Load(); p != nil {
		if f, ok := (*p).(*placesFile); ok {
			err = f.unmap()
		}
	}
	if s.memory != nil {
		err = errors.Join(err, s.memory.unmap())
	}
	if s.file != nil {
		err = errors.Join(err, s.file.Close())
	}
	return err
}

func segmentName(sequence uint64) string { return fmt.Sprintf("%020d%s", sequence, segmentSuffix) }

// segmentNames lists the segments in order. Files with other endings are not the log's business.
func segmentNames(files fileSystem, dir string) (names []string, err error) {
	all, err := files.List(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range all {
		number, ok := strings.CutSuffix(name, segmentSuffix)
		if !ok {
			continue
		}
		if _, err := strconv.ParseUint(number, 10, 64); err != nil || len(number) != 20 {
			return nil, &DamageError{File: filepath.Join(dir, name), Reason: "its name is not that of a segment; move it away"}
		}
		names = append(names, name)
	}
	return names, nil
}

// createSegment makes a segment under its final name only once its header is on the disk, so that there is never half of one.
func createSegment(files fileSystem, dir string, h header) (*segment, error) {
	path := filepath.Join(dir, segmentName(h.sequence))
	if err := disk.WriteWhole(files, path, h.encode()); err != nil {
		return nil, err
	}
	f, err := files.OpenFile(path, os.O_RDWR)
	return &segment{path: path, header: h, file: f}, err
}

// tail is the end of the newest segment, where the sequencer writes.
type tail struct {
	*segment
	size   int64
	filled int64     // up to where there are zeros behind it; nothing says that they are on the disk
	synced int64     // up to where it is known to be on the disk
	hash   hash.Hash // of all bytes up to size
	last   frameKind
}

// newTail returns the end of a segment that is whole, and on the disk, up to size.
func newTail(s *segment, size int64) (*tail, error) {
	h, err := hashFile(s.file, size)
	return &tail{segment: s, size: size, synced: size, hash: h}, err
}

func (t *tail) write(b []byte, last frameKind) error {
	if _, err := t.file.WriteAt(b, t.size); err != nil {
		return err
	}
	t.hash.Write(b)
	t.size += int64(len(b))
	t.last = last
	return nil
}

// ahead is how far zeros are written before they are needed.
const ahead = 1 << 20

var zeros [ahead]byte

// fill writes zeros behind the end, up to the limit, when there are none left. Until they are used up, the system has no new size and
// no new blocks to note with each sync, which takes half of its time. Behind a batch that is large, they would cost more than they save.
// Nobody needs the zeros: when the disk has no room for them, there are none from then on.
func (t *tail) fill(limit int64) error {
	n := min(ahead, limit-t.size)
	if t.size < t.filled || n <= 0 || t.size-t.synced > ahead/4 {
		return nil
	}
	_, err := t.file.WriteAt(zeros[:n], t.size)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		n, err = math.MaxInt64-t.size, nil
	}
	t.filled = t.size + n
	return err
}

// unfill takes the zeros away, and puts all before them on the disk.
func (t *tail) unfill() error {
	if t.filled == 0 {
		return t.sync()
	}
	t.filled = 0
	if err := cut(t.file, t.size); err != nil {
		return err
	}
	t.synced = t.size
	return nil
}

func (t *tail) sync() error {
	if t.synced == t.size {
		return nil
	}
	if err := t.file.SyncData(); err != nil {
		return err
	}
	t.synced = t.size
	return nil
}

// mark writes that all before it is on the disk, unless that was the last thing said.
func (t *tail) mark(sequence uint64, first store.Position) error {
	if err := t.unfill(); err != nil || t.last == frameMark {
		return err
	}
	b := make([]byte, frameSize)
	f := frame{kind: frameMark, sequence: sequence, first: first, synced: t.synced}
	f.put(b, t.header.checksum, t.size)
	if err := t.write(b, frameMark); err != nil {
		return err
	}
	return t.sync()
}

// seal closes the segment for good. The segment after it must exist already, with digest in its header.
func (t *tail) seal(sequence uint64, first store.Position, d digest) error {
	if err := t.unfill(); err != nil { // before the seal, so that it is never followed by anything
		return err
	}
	seal := sealOf(d)
	seal.events, seal.last = uint64(first-t.header.first), first-1
	b := appendSeal(make([]byte, frameSize), seal, t.header.version)
	endEntry(b[frameSize:], sequence)
	f := frame{kind: frameSeal, body: uint32(len(b) - frameSize), sequence: sequence, first: first, synced: t.synced}
	f.put(b, t.header.checksum, t.size)
	if err := t.write(b, frameSeal); err != nil {
		return err
	}
	return t.sync()
}

func (t *tail) digest() digest { return digest(t.hash.Sum(nil)) }

// hashFile returns the running hash of the first n bytes.
func hashFile(f io.ReaderAt, n int64) (hash.Hash, error) {
	h := sha256.New()
	_, err := io.CopyBuffer(h, io.NewSectionReader(f, 0, n), make([]byte, min(n, 256<<10)))
	return h, err
}
