package filelog

import (
	"hash"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
)

// rewriter writes the frames of a compacted segment. Entries that stay are copied with their checksums.
type rewriter struct {
	file   file
	hash   hash.Hash
	seed   uint32 // of the checksums of frames
	gone   []bool // of the entries to come
	buf    []byte // not written yet
	off    int64  // of buf in the file
	places places

	gap         gone // whole commits, not written yet
	gapSequence uint64
	gapFirst    store.Position
}

func (w *rewriter) size() int64 { return w.off + int64(len(w.buf)) }

func (w *rewriter) append(b []byte) { w.buf = append(w.buf, b...) }

// frame takes a frame of the old file. Marks say nothing about this one.
func (w *rewriter) frame(f *frame, entries []placed) error {
	if f.kind == frameMark || f.kind == frameSeal {
		return nil
	}
	flags := w.gone[:len(entries)]
	w.gone = w.gone[len(entries):]
	if !allGone(flags) {
		w.flushGap()
		if err := w.commit(f, entries, flags); err != nil {
			return err
		}
		return w.flushPages()
	}
	if w.gap.none() {
		w.gapSequence, w.gapFirst = f.sequence, f.first
	}
	if f.kind == frameCommit {
		w.gap.commits++
	}
	for i := range entries {
		if err := w.gap.take(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func allGone(flags []bool) bool {
	for _, is := range flags {
		if !is {
			return false
		}
	}
	return true
}

// take adds an entry that is gone now, or what one says that was gone before.
func (g *gone) take(e *placed) error {
	switch e.kind {
	case entryRecord:
		var r event.Record
		if err := decodeOwn(&r, e.payload); err != nil {
			return err
		}
		g.positions++
		g.addType(string(append([]byte(nil), r.Type...)), 1)
	case entryItem:
		g.items++
	case entryGone:
		g.add(e.gone)
	}
	return nil
}

// flushGap writes the whole commits that are gone.
func (w *rewriter) flushGap() {
	if w.gap.none() {
		return
	}
	f := frame{
		kind: frameGap, events: uint32(w.gap.positions), items: uint32(w.gap.commits), sequence: w.gapSequence, first: w.gapFirst,
	}
	begin := w.begin()
	w.goneEntry(&w.gap, w.gapFirst)
	w.places.addGone(w.gap.positions, 0)
	w.end(begin, &f)
	w.gap = gone{}
}

// goneEntry writes what is gone where a position is next.
func (w *rewriter) goneEntry(g *gone, position store.Position) {
	at := len(w.buf)
	w.buf = appendGone(w.buf, g)
	endEntry(w.buf[at:], uint64(position))
}

// begin leaves room for the header of a frame.
func (w *rewriter) begin() (at int) {
	at = len(w.buf)
	w.append(make([]byte, frameSize))
	return at
}

// end completes a frame. All before it is on the disk before the file has its name.
func (w *rewriter) end(begin int, f *frame) {
	offset := w.off + int64(begin)
	f.body, f.synced = uint32(len(w.buf)-begin-frameSize), offset
	f.put(w.buf[begin:], w.seed, offset)
}

// commit writes a commit of which something stays.
func (w *rewriter) commit(f *frame, entries []placed, flags []bool) error {
	begin, position := w.begin(), f.first
	var lost gone
	flush := func() {
		if lost.none() {
			return
		}
		at := uint32(0)
		if position == f.first {
			at = uint32(w.size()) | firstInCommit
		}
		w.places.addGone(lost.positions, at)
		w.goneEntry(&lost, position)
		position += store.Position(lost.positions)
		lost = gone{}
	}
	for i := range entries {
		e := &entries[i]
		if flags[i] {
			if err := lost.take(e); err != nil {
				return err
			}
			continue
		}
		flush()
		if e.kind == entryRecord {
			w.places.add(placeOf(w.size(), position == f.first))
			position++
		}
		w.append(e.raw)
	}
	flush()
	w.end(begin, &frame{kind: frameCommit, events: f.events, items: f.items, sequence: f.sequence, first: f.first})
	return nil
}

// flushPages writes the huge pages that the buffer has come to the end of.
func (w *rewriter) flushPages() error {
	if n := disk.PageEnd(w.size()) - disk.HugePage - w.off; n > 0 {
		return w.flush(int(n))
	}
	return nil
}

// flush writes the first n bytes of the buffer.
func (w *rewriter) flush(n int) error {
	if _, err := w.file.WriteAt(w.buf[:n], w.off); err != nil {
		return err
	}
	w.hash.Write(w.buf[:n])
	w.off += int64(n)
	w.buf = append(w.buf[:0], w.buf[n:]...)
	return nil
}

// finish writes the seal, fills in its digest, and puts all on the disk.
func (w *rewriter) finish(seal *sealed, sequence uint64, first store.Position) error {
	w.flushGap()
	if err := w.flush(len(w.buf)); err != nil {
		return err
	}
	seal.digest = digest(w.hash.Sum(nil))
	begin := w.begin()
	at := len(w.buf)
	w.buf = appendSeal(w.buf, seal, compacted)
	endEntry(w.buf[at:], sequence)
	w.end(begin, &frame{kind: frameSeal, sequence: sequence, first: first})
	if err := w.flush(len(w.buf)); err != nil {
		return err
	}
	return w.file.Sync()
}
