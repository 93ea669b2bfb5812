package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// Suffix is the end of a run's file name.
const Suffix = ".run"

func runName(c *Cover) string { return fmt.Sprintf("%020d-%020d%s", c.First, c.Next, Suffix) }

// ParseName returns what a run's file name says: the sequences of its first commit, and of the one after its last.
func ParseName(name string) (first, next uint64, ok bool) {
	numbers, ok := strings.CutSuffix(name, Suffix)
	from, to, both := strings.Cut(numbers, "-")
	first, err1 := strconv.ParseUint(from, 10, 64)
	next, err2 := strconv.ParseUint(to, 10, 64)
	return first, next, ok && both && errors.Join(err1, err2) == nil && runName(&Cover{First: first, Next: next}) == name
}

// Damage says that a run is not what was written. Methods of a run panic with it; Try catches that.
type Damage struct {
	File   string
	Offset int64
	Reason string
}

func (d *Damage) Error() string { return fmt.Sprintf("%s at byte %d: %s", d.File, d.Offset, d.Reason) }

// Try calls fn, which uses runs, and returns a *Damage when one of them is found to be damaged, and a *disk.FaultError when it
// cannot be read.
func Try(fn func() error) error {
	return disk.Guard(func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				damage, ok := p.(*Damage)
				if !ok {
					panic(p)
				}
				err = damage
			}
		}()
		return fn()
	})
}

// Run is an index in a file. Its methods may be called at the same time, within Try, until Close.
type Run struct {
	Cover
	facts
	counts
	layout  layout
	path    string
	data    []byte
	unmap   func() error
	checked []atomic.Uint64 // a bit for each page whose checksum was found right
}

// Open opens a run. An error that is a *Damage says that it must be made again.
func Open(files disk.FileSystem, path string) (r *Run, err error) {
	file, err := files.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil {
		return nil, err
	}
	r = &Run{path: path}
	if r.data, r.unmap, err = disk.Map(file, size); err != nil {
		return nil, err
	}
	if err = Try(func() error { return r.begin(size) }); err != nil {
		return nil, errors.Join(err, r.unmap())
	}
	return r, nil
}

func (r *Run) begin(size int64) (err error) {
	if int64(len(r.data)) != size || size < pageSize {
		return &Damage{File: r.path, Reason: "it is too short"}
	}
	var sums uint32
	if r.Cover, r.facts, r.counts, sums, err = decodeHeader(r.data[:pageSize]); err != nil {
		return &Damage{File: r.path, Reason: err.Error()}
	}
	if !r.counts.plausible(size) {
		return &Damage{File: r.path, Reason: "it has another size than its header says"}
	}
	r.layout = r.counts.layout()
	if filepath.Base(r.path) != runName(&r.Cover) {
		return &Damage{File: r.path, Reason: "its name is not that of what it holds"}
	}
	if crc32.Checksum(r.data[r.layout.sums.off:r.layout.sums.end()], castagnoli) != sums {
		return &Damage{File: r.path, Offset: r.layout.sums.off, Reason: "its checksums are not what was written"}
	}
	r.checked = make([]atomic.Uint64, size/pageSize/64+1)
	return nil
}

// Path returns the file's path.
func (r *Run) Path() string { return r.path }

// Base returns the position before the first.
func (r *Run) Base() event.Position { return r.base }

// End returns the last position.
func (r *Run) End() event.Position { return r.end }

// Size returns the bytes of the file.
func (r *Run) Size() int64 { return int64(len(r.data)) }

// Level is how often what is in the run was merged.
func (r *Run) Level() uint64 { return r.level }

// Items returns how many items were written by the commits that the run covers.
func (r *Run) Items() uint64 { return r.items }

// Begun returns how many streams begin in the run.
func (r *Run) Begun() uint64 { return r.begun }

// Close lets go of the file. Nobody may use the run any more.
func (r *Run) Close() error { return r.unmap() }

// Check checks the header, the checksums and every page, one after the other; between them it asks whether to go on.
func (r *Run) Check(goOn func(bytes int) error) error {
	if err := r.checkHead(); err != nil {
		return err
	}
	for page := int64(1); page < r.layout.sums.off/pageSize; page++ {
		r.checkPage(page)
		if err := goOn(pageSize); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) checkHead() error {
	_, _, _, sums, err := decodeHeader(r.data[:pageSize])
	if err != nil {
		return r.damage(0, err.Error())
	}
	if crc32.Checksum(r.data[r.layout.sums.off:r.layout.sums.end()], castagnoli) != sums {
		return r.damage(r.layout.sums.off, "its checksums are not what was written")
	}
	return nil
}

func (r *Run) checkPage(page int64) {
	sum := binary.LittleEndian.Uint32(r.data[r.layout.sums.off+4*(page-1):])
	if crc32.Checksum(r.data[page*pageSize:(page+1)*pageSize], castagnoli) != sum {
		panic(r.damage(page*pageSize, "the checksum of a page does not match"))
	}
	r.checked[page/64].Or(1 << (page % 64))
}

func (r *Run) damage(off int64, reason string) *Damage {
	return &Damage{File: r.path, Offset: off, Reason: reason}
}

// at returns n bytes of a section, whose pages are checked when they are first used.
func (r *Run) at(s *section, off, n int64) []byte {
	if off < 0 || n < 0 || off+n > s.size {
		panic(r.damage(s.off, "a number in it leads nowhere"))
	}
	off += s.off
	for page := off / pageSize; page*pageSize < off+n; page++ {
		if r.checked[page/64].Load()&(1<<(page%64)) == 0 {
			r.checkPage(page)
		}
	}
	return r.data[off : off+n]
}

func (r *Run) word(i int64) uint32 { return binary.LittleEndian.Uint32(r.at(&r.layout.words, 4*i, 4)) }

func (r *Run) long(i int64) uint64 { return uint64(r.word(i)) | uint64(r.word(i+1))<<32 }

func (r *Run) hash(i int64) uint64 {
	return binary.LittleEndian.Uint64(r.at(&r.layout.keys, keySize*i, 8))
}

func (r *Run) value(i int64) uint32 {
	return binary.LittleEndian.Uint32(r.at(&r.layout.keys, keySize*i+8, 4))
}

// mayKnow reports whether the run can have the key, as far as is known without a look at the file.
func (r *Run) mayKnow(k *Key) bool {
	return k.kind != ByID || k.time == 0 || k.time >= r.earliest && k.time <= r.latest
}

// listing reads the value of a key.
func (r *Run) listing(i int64) (l listing) {
	value := r.value(i)
	if value&listed == 0 {
		l.at = span{base: r.base, own: []uint32{value}, n: 1}
		return l
	}
	at := int64(value &^ listed)
	head := r.word(at)
	n := int64(head &^ streamList)
	if l.stream = head&streamList != 0; l.stream {
		l.mark, l.before = r.long(at+1), r.long(at+3)
		l.begins = l.before == 0 || l.before&beginsHere != 0
		l.before &^= beginsHere
		at += streamHead
	} else {
		at++
	}
	if n == 0 || uint64(at+n) > r.counts.words {
		panic(r.damage(r.layout.words.off, "a list in it leads nowhere"))
	}
	l.at = span{base: r.base, run: r, word: at, n: int(n)}
	return l
}

// list reads a key.
func (r *Run) list(i int64) entry {
	l := r.listing(i)
	return entry{hash: r.hash(i), stream: l.stream, mark: l.mark, before: l.before, begins: l.begins, at: of(l.at)}
}

func (r *Run) alone() *Parts { return &Parts{Runs: []*Run{r}} }

// Count returns how many records have the key.
func (r *Run) Count(k *Key) int { return r.alone().Count(k) }

// Postings returns the positions from from to to of the records that have the key.
func (r *Run) Postings(k *Key, from, to event.Position) Postings {
	return r.alone().Postings(k, from, to)
}

// After returns the positions from from to to of a stream's records after a revision.
func (r *Run) After(k *Key, revision uint64, from, to event.Position) Postings {
	return r.alone().After(k, revision, from, to)
}

// Stream returns what the run has of a stream: its revision before, and how many records of it stand up to the position.
func (r *Run) Stream(k *Key, to event.Position) (before uint64, count int, ok bool) {
	r.alone().each(k, nil, func(l listing) {
		before, count, ok = l.before, l.at.n, true
		if to < r.end {
			s := l.at.within(0, to)
			count = s.n
		}
	})
	return before, count, ok
}

// Types returns how many records of each type there are.
func (r *Run) Types(count func(name string, n uint64)) {
	next := r.typeCounts()
	for t, ok := next(); ok; t, ok = next() {
		count(string(t.name), t.n)
	}
}

func (r *Run) name(i int64) []byte {
	begin := int64(0)
	if i > 0 {
		begin = int64(binary.LittleEndian.Uint32(r.at(&r.layout.nameEnds, 4*(i-1), 4)))
	}
	end := int64(binary.LittleEndian.Uint32(r.at(&r.layout.nameEnds, 4*i, 4)))
	return r.at(&r.layout.names, begin, end-begin)
}

// NameFrom returns the number of the first stream name that is not before the given one.
func (r *Run) NameFrom(name string) int {
	return sort.Search(int(r.counts.names), func(i int) bool { return string(r.name(int64(i))) >= name })
}

// Name returns the stream name of that number; ok is false behind the last.
func (r *Run) Name(i int) (name string, ok bool) {
	if uint64(i) >= r.counts.names {
		return "", false
	}
	return string(r.name(int64(i))), true
}
