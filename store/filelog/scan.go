package filelog

import (
	"bytes"
	"cmp"
	"fmt"
	"io"

	"github.com/oxbow-events/oxbow/store"
)

// scanner goes through a segment frame by frame and checks each of them whole.
type scanner struct {
	window   window
	name     string // of the file, for errors
	size     int64
	unfilled bool // there may be zeros behind the last frame, which were written ahead
	header   header
	off      int64          // of the next frame
	first    store.Position // of the next event
	sequence uint64         // of the next commit
	synced   int64          // up to where frames say that the file was on the disk
	last     frameKind      // kind of the newest frame, 0 when there is none
	entries  []placed       // of the newest frame
}

// placed is an entry and where it lies in the file.
type placed struct {
	entry
	raw      []byte // all of it
	offset   int64
	position store.Position // of a record; of anything else, that of the next one
	gone     *gone          // of an entry that says so
}

func newScanner(f io.ReaderAt, name string, size int64) (*scanner, error) {
	s := &scanner{name: name, size: size}
	s.window.use(f)
	b, err := s.window.at(0, int(min(size, maxHeader)))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if s.header, err = parseHeader(name, b); err != nil {
		return nil, err
	}
	s.off, s.synced = headerSize, headerSize
	s.first, s.sequence = s.header.first, s.header.sequence
	return s, nil
}

// rewind goes back to the first frame.
func (s *scanner) rewind() {
	s.off, s.synced, s.last = headerSize, headerSize, 0
	s.first, s.sequence = s.header.first, s.header.sequence
}

func (s *scanner) damaged(format string, args ...any) error {
	return &DamageError{File: s.name, Offset: s.off, Position: s.first, Reason: fmt.Sprintf(format, args...)}
}

// next returns the next frame, with its entries in s.entries until the next call. At the end, and where there are only zeros that may be
// there, it returns io.EOF. A frame that is not whole is a *DamageError, and the scanner stays before it.
func (s *scanner) next() (frame, error) {
	if s.off == s.size {
		return frame{}, io.EOF
	}
	if s.unfilled {
		if empty, err := s.emptyFrom(s.off); empty || err != nil {
			return frame{}, cmp.Or(err, io.EOF)
		}
	}
	head, err := s.window.at(s.off, frameSize)
	if err != nil {
		return frame{}, fmt.Errorf("read %s at byte %d: %w", s.name, s.off, err)
	}
	f, ok := parseFrame(head, s.header.checksum, s.off)
	if !ok {
		return frame{}, s.damaged("there is no whole frame")
	}
	if err := s.fits(&f); err != nil {
		return frame{}, err
	}
	body, err := s.window.at(s.off+frameSize, int(f.body))
	if err != nil {
		return frame{}, fmt.Errorf("read %s at byte %d: %w", s.name, s.off, err)
	}
	if err := s.split(&f, body); err != nil {
		return frame{}, err
	}
	s.pass(&f)
	return f, nil
}

// emptyFrom reports whether there are only zeros from off on, and no seal before them: a full segment ends with that.
func (s *scanner) emptyFrom(off int64) (bool, error) {
	if s.last == frameSeal {
		return false, nil
	}
	head, err := s.window.at(off, 1)
	if err != nil {
		return false, fmt.Errorf("read %s at byte %d: %w", s.name, off, err)
	}
	if len(head) > 0 && head[0] != 0 {
		return false, nil
	}
	end, err := s.writtenFrom(off)
	return end == off, err
}

// writtenFrom returns where the zeros begin that the file ends with, but no less than off.
func (s *scanner) writtenFrom(off int64) (end int64, err error) {
	end = off
	for off < s.size {
		b, err := s.window.at(off, int(min(maxAhead, s.size-off)))
		if err != nil {
			return end, fmt.Errorf("read %s at byte %d: %w", s.name, off, err)
		}
		if n := len(bytes.TrimRight(b, "\x00")); n > 0 {
			end = off + int64(n)
		}
		if off += int64(len(b)); len(b) == 0 {
			return end, nil
		}
	}
	return end, nil
}

// fits checks the frame's header against what came before it.
func (s *scanner) fits(f *frame) error {
	next := s.sequence
	if f.kind == frameMark || f.kind == frameSeal {
		next--
	}
	switch {
	case f.kind < frameCommit || f.kind > frameGap || f.kind == frameGap && s.header.version < compacted:
		return s.damaged("there is a frame of the unknown kind %d", f.kind)
	case int64(f.body) > s.size-s.off-frameSize:
		return s.damaged("the file ends within a frame")
	case f.sequence != next:
		return s.damaged("the frame has commit sequence %d where %d should be", f.sequence, next)
	case f.first != s.first:
		return s.damaged("the frame has position %d where %d should be", f.first, s.first)
	case f.synced > s.off:
		return s.damaged("the frame calls bytes after itself synced")
	}
	return nil
}

// split cuts the body into entries and checks them.
func (s *scanner) split(f *frame, body []byte) error {
	s.entries = s.entries[:0]
	offset, position := s.off+frameSize, f.first
	var sum held
	for len(body) > 0 {
		n, ok := entryLength(body)
		if !ok {
			return s.badEntry(offset, position, "a record ends after its frame")
		}
		e, ok := parseEntry(body[:n], entryNumber(entryKind(body[8]), f.sequence, position))
		if !ok {
			return s.badEntry(offset, position, "the checksum of a record does not match")
		}
		at := placed{entry: e, raw: body[:n], offset: offset, position: position}
		if reason := sum.add(&at, s.header.version); reason != "" {
			return s.badEntry(offset, position, reason)
		}
		s.entries = append(s.entries, at)
		position = f.first + store.Position(sum.records)
		offset, body = offset+int64(n), body[n:]
	}
	if !sum.is(f, len(s.entries)) {
		return s.damaged("the frame does not hold what it says it holds")
	}
	return nil
}

// entryNumber returns the number that an entry must have.
func entryNumber(kind entryKind, sequence uint64, position store.Position) uint64 {
	if kind == entryRecord || kind == entryGone {
		return uint64(position)
	}
	return sequence
}

// held is what the entries of a frame come to, with what is gone.
type held struct{ commits, records, items, seals uint64 }

// add adds an entry and fills in what it says is gone; it returns what is wrong with it.
func (h *held) add(e *placed, version uint16) (reason string) {
	switch {
	case e.kind == entryRecord:
		h.records++
	case e.kind == entryItem:
		h.items++
	case e.kind == entrySeal:
		h.seals++
	case e.kind == entryGone && version >= compacted:
		g, err := decodeGone(e.payload)
		if err != nil {
			return err.Error()
		}
		e.gone = &g
		h.commits, h.records, h.items = h.commits+g.commits, h.records+g.positions, h.items+g.items
	default:
		return fmt.Sprintf("there is an entry of the unknown kind %d", e.kind)
	}
	return ""
}

// is reports whether that is what the frame says it holds.
func (h *held) is(f *frame, entries int) bool {
	if h.records != uint64(f.events) {
		return false
	}
	switch f.kind {
	case frameGap:
		return entries == 1 && h.commits > 0 && h.commits == uint64(f.items) && h.seals == 0
	case frameSeal:
		return h.seals == 1 && entries == 1 && f.items == 0
	default:
		return h.items == uint64(f.items) && h.commits == 0 && h.seals == 0
	}
}

func (s *scanner) badEntry(offset int64, position store.Position, reason string) error {
	return &DamageError{File: s.name, Offset: offset, Position: position, Reason: reason}
}

func (s *scanner) pass(f *frame) {
	s.off += frameSize + int64(f.body)
	s.first += store.Position(f.events)
	switch f.kind {
	case frameCommit:
		s.sequence++
	case frameGap:
		s.sequence += uint64(f.items)
	}
	s.synced = max(s.synced, f.synced)
	s.last = f.kind
}

// acknowledged reports whether the broken frame at s.off was on the disk once, so that no crash can have left it as it is: a whole
// frame behind it says so, or it is whole itself but does not belong where it stands.
func (s *scanner) acknowledged() (bool, error) {
	head, err := s.window.at(s.off, frameSize)
	if err != nil {
		return false, err
	}
	if f, ok := parseFrame(head, s.header.checksum, s.off); ok && int64(f.body) <= s.size-s.off-frameSize && s.fits(&f) != nil {
		return true, nil
	}
	at, err := s.find(s.off+1, func(f frame) bool { return f.synced > s.off })
	return at > 0, err
}

// find returns where the first whole frame header stands from off on that is wanted, in other frames' bodies too; 0 when there is
// none.
func (s *scanner) find(off int64, wanted func(frame) bool) (at int64, err error) {
	const step = 64 << 10
	for off+frameSize <= s.size {
		b, err := s.window.at(off, int(min(step, s.size-off)))
		if err != nil {
			return 0, err
		}
		i := bytes.Index(b, []byte(frameMagic))
		if i < 0 {
			off += int64(max(len(b)-len(frameMagic)+1, 1))
			continue
		}
		off += int64(i)
		head, err := s.window.at(off, frameSize)
		if err != nil {
			return 0, err
		}
		if f, ok := parseFrame(head, s.header.checksum, off); ok && wanted(f) {
			return off, nil
		}
		off++
	}
	return 0, nil
}
