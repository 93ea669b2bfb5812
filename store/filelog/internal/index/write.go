package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"os"
	"path/filepath"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// ErrTooLarge is what merging returns for runs that would not fit into one.
var ErrTooLarge = errors.New("the runs are too large to be one")

// WriteTable writes the table, to which nothing is added any more, as a run in the folder and opens it.
func WriteTable(files disk.FileSystem, dir string, t *Table, cover Cover) (*Run, error) {
	return write(files, dir, freeze(t), cover)
}

// Merge writes runs that lie one after the other as one and opens it. The old ones stay. An error of goOn, which is asked now and
// then, ends it. It is used within Try.
func Merge(files disk.FileSystem, dir string, runs []*Run, goOn func() error) (*Run, error) {
	cover := runs[len(runs)-1].Cover
	cover.First = runs[0].First
	return write(files, dir, watched{mergedRuns(runs), goOn}, cover)
}

func write(files disk.FileSystem, dir string, s source, cover Cover) (*Run, error) {
	path := filepath.Join(dir, runName(&cover))
	if err := writeFile(files, path+disk.NewSuffix, s, cover); err != nil {
		return nil, err
	}
	if err := disk.Name(files, path); err != nil {
		return nil, err
	}
	return Open(files, path)
}

func writeFile(files disk.FileSystem, path string, s source, cover Cover) (err error) {
	defer catchStop(&err)
	c := count(s)
	if c.words >= maxWords || c.nameBytes >= 1<<32 {
		return ErrTooLarge
	}
	file, err := files.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	l := c.layout()
	w := &writer{file: file, counts: c, layout: l, base: s.facts().base, sums: make([]byte, l.sums.size)}
	if err := w.write(s); err != nil {
		return err
	}
	f := s.facts()
	header := encodeHeader(&cover, &f, &c, crc32.Checksum(w.sums, castagnoli))
	if _, err := file.WriteAt(header, 0); err != nil {
		return err
	}
	return file.Sync()
}

// watched is a source that asks now and then whether to go on.
type watched struct {
	source
	goOn func() error
}

// stopped is the panic that ends the writing of a run.
type stopped struct{ err error }

func (w watched) entries() next[*entry] {
	entries, n := w.source.entries(), 0
	return func() (*entry, bool) {
		if n++; n%4096 == 0 {
			if err := w.goOn(); err != nil {
				panic(stopped{err})
			}
		}
		return entries()
	}
}

func catchStop(err *error) {
	if p := recover(); p != nil {
		s, ok := p.(stopped)
		if !ok {
			panic(p)
		}
		*err = s.err
	}
}

// count goes through the source without writing.
func count(s source) (c counts) {
	entries, names, types := s.entries(), s.names(), s.typeCounts()
	for e, ok := entries(); ok; e, ok = entries() {
		c.keys++
		c.words += e.words()
		if e.begins {
			c.begun++
		}
	}
	for name, ok := names(); ok; name, ok = names() {
		c.names++
		c.nameBytes += uint64(len(name))
	}
	for t, ok := types(); ok; t, ok = types() {
		c.types++
		c.typeBytes += 10 + uint64(len(t.name))
	}
	return c
}

// words is how many words the entry takes.
func (e *entry) words() uint64 {
	switch {
	case e.stream:
		return streamHead + uint64(e.at.count)
	case e.at.count == 1:
		return 0
	default:
		return 1 + uint64(e.at.count)
	}
}

// writer writes the sections side by side, since all of them are in the order of the entries.
type writer struct {
	file   disk.File
	counts counts
	layout layout
	base   event.Position
	sums   []byte

	blocks, keys, words    *sectionWriter
	block                  [blockSize]byte // the next one
	blocked, keyed, worded uint64          // written
}

func (w *writer) write(s source) error {
	if err := errors.Join(w.writeEntries(s), w.writeNames(s), w.writeTypes(s)); err != nil {
		return err
	}
	sums := w.section(w.layout.sums)
	sums.bytes(w.sums)
	return sums.close()
}

func (w *writer) writeEntries(s source) error {
	w.blocks, w.keys, w.words = w.section(w.layout.blocks), w.section(w.layout.keys), w.section(w.layout.words)
	entries := s.entries()
	for e, ok := entries(); ok && w.words.err == nil; e, ok = entries() {
		w.entry(e)
	}
	w.blocksUpTo(w.counts.blocks())
	return errors.Join(w.blocks.close(), w.keys.close(), w.words.close())
}

func (w *writer) writeNames(s source) error {
	names, ends := w.section(w.layout.names), w.section(w.layout.nameEnds)
	next, end := s.names(), uint32(0)
	for name, ok := next(); ok; name, ok = next() {
		end += uint32(len(name))
		names.bytes(name)
		ends.word(end)
	}
	return errors.Join(names.close(), ends.close())
}

func (w *writer) writeTypes(s source) error {
	types, next := w.section(w.layout.types), s.typeCounts()
	for t, ok := next(); ok; t, ok = next() {
		b := binary.LittleEndian.AppendUint64(nil, t.n)
		types.bytes(binary.LittleEndian.AppendUint16(b, uint16(len(t.name))))
		types.bytes(t.name)
	}
	return types.close()
}

func (w *writer) entry(e *entry) {
	w.blocksUpTo(part(e.hash, w.counts.blocks()))
	for i := range filterBits {
		at := filterBit(e.hash, i)
		w.block[at/8] |= 1 << (at % 8)
	}
	w.keyed++
	w.keys.halves(e.hash)
	if !e.stream && e.at.count == 1 {
		w.keys.word(uint32(e.at.First() - w.base))
		return
	}
	w.keys.word(listed | uint32(w.worded))
	w.worded += e.words()
	if e.stream {
		w.words.word(streamList | uint32(e.at.count))
		w.words.halves(e.mark)
		w.words.halves(e.revisionWord())
	} else {
		w.words.word(uint32(e.at.count))
	}
	for i := range e.at.spans {
		s := &e.at.spans[i]
		for j := range s.n {
			w.words.word(uint32(s.at(j) - w.base))
		}
	}
}

// revisionWord is how the revision before is written.
func (e *entry) revisionWord() uint64 {
	if e.begins && e.before > 0 {
		return e.before | beginsHere
	}
	return e.before
}

// blocksUpTo writes the blocks before the given one.
func (w *writer) blocksUpTo(block uint64) {
	for ; w.blocked < block; w.blocked++ {
		putWord(w.block[4:], uint32(w.keyed))
		w.blocks.bytes(w.block[:])
		clear(w.block[:])
		putWord(w.block[:], uint32(w.keyed))
	}
}

// part says in which of n equal parts of all hashes a hash lies.
func part(hash, n uint64) uint64 {
	high, _ := bits.Mul64(hash, n)
	return high
}

// filterBit returns the i-th bit of a hash in its block.
func filterBit(hash uint64, i int) uint64 {
	const bits = 8 * (blockSize - blockHead)
	return 8*blockHead + hash>>(9*i)&511*bits>>9
}

// sectionWriter writes a section from its beginning on, a huge page at a time, and notes the checksums of its pages.
type sectionWriter struct {
	w    *writer
	off  int64
	end  int64
	room []byte
	buf  []byte // in the room, not written yet; it is full where a huge page ends
	err  error
}

func (w *writer) section(s section) *sectionWriter {
	size := (s.size + pageSize - 1) / pageSize * pageSize
	sw := &sectionWriter{w: w, off: s.off, end: s.end(), room: make([]byte, min(disk.HugePage, size))}
	sw.begin()
	return sw
}

func (s *sectionWriter) begin() {
	s.buf = s.room[:0:min(int64(len(s.room)), disk.PageEnd(s.off)-s.off)]
}

func (s *sectionWriter) bytes(b []byte) {
	for len(b) > 0 {
		n := copy(s.buf[len(s.buf):cap(s.buf)], b)
		if n == 0 {
			s.err = errors.Join(s.err, errors.New("the index changed while it was written"))
			return
		}
		s.buf = s.buf[:len(s.buf)+n]
		b = b[n:]
		if len(s.buf) == cap(s.buf) {
			s.flush()
		}
	}
}

func (s *sectionWriter) word(v uint32) {
	s.buf = binary.LittleEndian.AppendUint32(s.buf, v)
	if len(s.buf) == cap(s.buf) {
		s.flush()
	}
}

// halves writes a number among words.
func (s *sectionWriter) halves(v uint64) {
	s.word(uint32(v))
	s.word(uint32(v >> 32))
}

// flush writes whole pages.
func (s *sectionWriter) flush() {
	if s.err == nil {
		_, s.err = s.w.file.WriteAt(s.buf, s.off)
	}
	sums := s.w.sums
	for at := 0; at < len(s.buf); at += pageSize {
		page := (s.off+int64(at))/pageSize - 1
		if 4*page < int64(len(sums)) {
			putWord(sums[4*page:], crc32.Checksum(s.buf[at:at+pageSize], castagnoli))
		}
	}
	s.off += int64(len(s.buf))
	s.begin()
}

func (s *sectionWriter) close() error {
	if at := s.off + int64(len(s.buf)); s.err == nil && at != s.end {
		return fmt.Errorf("the index changed while it was written: a part ends at byte %d and not at %d", at, s.end)
	}
	if n := len(s.buf); n > 0 {
		full := (n + pageSize - 1) / pageSize * pageSize
		s.buf = s.buf[:full]
		clear(s.buf[n:])
		s.flush()
	}
	return s.err
}
