package filelog

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// What the tests of this folder need beside the exported API.

type (
	FileSystem = fileSystem
	File       = file
)

const (
	HeaderSize = headerSize
	FrameSize  = frameSize
	MagicSize  = len(magic)
)

// RealFiles is the file system that Open uses.
func RealFiles() FileSystem { return disk.OS{} }

// OpenOn is Open on another file system.
func OpenOn(dir string, cfg Config, files FileSystem) (*Log, error) {
	sys := realSystem()
	sys.files = files
	return open(dir, cfg, sys)
}

// OpenItemsOn is Open with the items on another file system.
func OpenItemsOn(dir string, cfg Config, items vfs.FS) (*Log, error) {
	sys := realSystem()
	sys.items = items
	return open(dir, cfg, sys)
}

// OpenFixed is Open with a fixed clock and source of randomness, so that equal commits make equal bytes.
func OpenFixed(dir string, cfg Config, now time.Time, random io.Reader) (*Log, error) {
	sys := realSystem()
	sys.now, sys.random = func() time.Time { return now }, random
	return open(dir, cfg, sys)
}

// Decoders, for fuzzing.
var (
	AppendRecord = appendRecord
	DecodeRecord = decodeRecord
	AppendItem   = appendItem
	DecodeItem   = decodeItem
	ParseHeader  = parseHeader
)

// AppendGone and DecodeGone write and read what is said of what is gone.
func AppendGone(commits, positions, items uint64, types map[string]uint64) []byte {
	return appendGonePayload(nil, &gone{commits, positions, items, types})
}

func DecodeGone(b []byte) (commits, positions, items uint64, types map[string]uint64, err error) {
	g, err := decodeGone(b)
	return g.commits, g.positions, g.items, g.types, err
}

// ForgeEntry gives the first entry of the frame at an offset the checksum that fits its bytes, as nobody but the log should.
func ForgeEntry(b []byte, frameAt int) {
	e := b[frameAt+frameSize:]
	n, _ := entryLength(e)
	endEntry(e[:n], binary.LittleEndian.Uint64(b[frameAt+32:]))
}

// RecordVersion is the first byte of a record's payload.
const RecordVersion = recordVersion

// OpenSimulated is Open in a world that a test made: its files, no lock, a clock that stands still, and its own randomness.
func OpenSimulated(dir string, cfg Config, files FileSystem, items vfs.FS, random io.Reader) (*Log, error) {
	return open(dir, cfg, simulated(files, items, random))
}

// VerifySimulated is Verify in such a world.
func VerifySimulated(ctx context.Context, dir string, files FileSystem, items vfs.FS) (Report, error) {
	return verify(ctx, dir, nil, simulated(files, items, nil))
}

// ReindexSimulated is Reindex in such a world.
func ReindexSimulated(ctx context.Context, dir string, files FileSystem, items vfs.FS, random io.Reader) (ReindexReport, error) {
	return reindex(ctx, dir, nil, simulated(files, items, random))
}

func simulated(files FileSystem, items vfs.FS, random io.Reader) system {
	return system{
		files: files, items: items, random: random, inline: true,
		lock: func(string, string) (func() error, error) { return func() error { return nil }, nil },
		now:  func() time.Time { return time.Unix(1_800_000_000, 0) },
	}
}

// Outcome is what Append returned for one of several commits.
type Outcome struct {
	Receipt store.Receipt
	Err     error
}

// AppendTogether appends commits that have gathered while the sequencer was busy: it finds all of them waiting, in this order.
func (l *Log) AppendTogether(commits []store.Commit) (outcomes []Outcome) {
	var requests []*request
	for i := range commits {
		r, err := newRequest(&commits[i])
		if err != nil {
			panic(err)
		}
		requests = append(requests, r)
	}
	l.queue.mu.Lock()
	l.queue.waiting = append(l.queue.waiting, requests...)
	l.queue.look()
	l.queue.mu.Unlock()
	for _, r := range requests {
		<-r.done
		receipt, err := l.receipt(r)
		outcomes = append(outcomes, Outcome{receipt, err})
	}
	return outcomes
}

// Vouched returns up to where frames of the segment say that it was on the disk.
func Vouched(files FileSystem, path string) (int64, error) {
	f, err := files.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	s, err := newScanner(f, path, size)
	for err == nil {
		_, err = s.next()
	}
	if s == nil || !errors.Is(err, io.EOF) && !errors.Is(err, store.ErrDamaged) {
		return 0, err
	}
	return s.synced, nil
}

// ItemsInLog tells from the names of segments whether the items can be made from them.
func ItemsInLog(names []string) bool {
	var paths []segmentPath
	for _, name := range names {
		paths = append(paths, segmentPath{path: name})
	}
	return itemsInLog(paths)
}

// ReindexWatched is Reindex, and calls between before each file that it makes.
func ReindexWatched(ctx context.Context, dir string, between func()) (ReindexReport, error) {
	sys := realSystem()
	sys.files = watchedFiles{sys.files, between}
	return reindex(ctx, dir, nil, sys)
}

type watchedFiles struct {
	disk.FileSystem
	between func()
}

func (w watchedFiles) OpenFile(name string, flag int) (File, error) {
	if flag&os.O_CREATE != 0 {
		w.between()
	}
	return w.FileSystem.OpenFile(name, flag)
}

// OpenUnreplaceable is Open on a system that cannot replace files that are in use.
func OpenUnreplaceable(dir string, cfg Config) (*Log, error) {
	sys := realSystem()
	sys.swapAtOpen = true
	return open(dir, cfg, sys)
}

// SomePlaces writes the places of a segment with seven records to a folder. open opens the file again and reads all of them.
func SomePlaces(dir string) (path string, whole []byte, open func() (n int, err error)) {
	s := &segment{header: header{store: [16]byte{7}, first: 10, sequence: 5}}
	s.finish(1000, 16, 9, &sealed{digest: digest{3}, chain: digest{3}})
	var p places
	for i := range 7 {
		p.add(placeOf(int64(100*i+200), i%2 == 0))
	}
	if err := writePlaces(disk.OS{}, dir, s, &p); err != nil {
		panic(err)
	}
	path = placesPath(dir, s.header.sequence)
	whole, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return path, whole, func() (n int, err error) {
		f, err := openPlaces(disk.OS{}, dir, s)
		if err != nil {
			return 0, err
		}
		for ; n < int(s.end-s.header.first)+1 && err == nil; n++ {
			_, err = f.at(uint64(n))
		}
		return n, errors.Join(err, f.unmap())
	}
}
