package filelog

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// compaction is one segment on its way to a smaller one. It is gone through twice: to decide, and to write.
type compaction struct {
	ctx     context.Context
	log     *Log
	segment *segment
	judge   *judge
	file    file
	scan    *scanner

	gone    []bool // of each entry, in order; of those that only say what is gone, true
	records uint64 // that will be removed
	items   uint64
	bytes   int64 // of what will be removed
}

// open opens the file and checks that it is what its seal says, so that damage is never given new checksums.
func (c *compaction) open() (err error) {
	s := c.segment
	if c.file, err = c.log.sys.files.OpenFile(s.path, os.O_RDONLY); err != nil {
		return err
	}
	h, err := hashFile(c.file, s.sealAt())
	if err == nil && digest(h.Sum(nil)) != s.digest {
		err = &DamageError{File: s.path, Offset: s.sealAt(), Reason: "the digest in the seal is not that of the segment"}
	}
	if err == nil {
		c.scan, err = newScanner(c.file, s.path, s.size)
	}
	if err != nil {
		return errors.Join(err, c.file.Close())
	}
	return nil
}

// each calls fn with every frame of the segment.
func (c *compaction) each(fn func(f *frame) error) error {
	c.scan.rewind()
	for {
		if err := c.log.usable(c.ctx); err != nil {
			return err
		}
		f, err := c.scan.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = fn(&f)
		}
		if err != nil {
			return err
		}
	}
}

// decide finds out what is gone.
func (c *compaction) decide() error {
	return wrapDamage(index.Try(func() error {
		return c.each(func(f *frame) error {
			if f.kind == frameSeal || f.kind == frameMark {
				return nil
			}
			whole := f.kind == frameCommit
			for i := range c.scan.entries {
				is, err := c.decideOn(&c.scan.entries[i], f.sequence)
				if err != nil {
					return err
				}
				c.gone = append(c.gone, is)
				whole = whole && is
			}
			if whole {
				c.bytes += frameSize
			}
			return nil
		})
	}))
}

func (c *compaction) decideOn(e *placed, sequence uint64) (is bool, err error) {
	switch e.kind {
	case entryRecord:
		var r event.Record
		if err := decodeOwn(&r, e.payload); err != nil {
			return false, c.damaged(e, err)
		}
		if is, err = c.judge.record(&r); is {
			c.records++
			c.bytes += int64(len(e.raw))
		}
	case entryItem:
		w, err := decodeItem(e.payload)
		if err != nil {
			return false, c.damaged(e, err)
		}
		if is, err = c.judge.item(&w, sequence); is {
			c.items++
			c.bytes += int64(len(e.raw))
		}
		return is, err
	case entryGone:
		return true, nil
	}
	return is, err
}

func (c *compaction) damaged(e *placed, err error) error {
	return &DamageError{File: c.segment.path, Offset: e.offset, Position: e.position, Reason: err.Error()}
}

// write writes the new file and returns the segment that it is, with its places.
func (c *compaction) write(path string) (s *segment, held *places, err error) {
	old := c.segment
	file, err := c.log.sys.files.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	h := old.header
	h.version = compacted
	w := &rewriter{file: file, hash: sha256.New(), gone: c.gone}
	w.append(h.encode())
	w.seed = h.checksum
	err = c.each(func(f *frame) error { return w.frame(f, c.scan.entries) })
	if err != nil {
		return nil, nil, err
	}
	seal := &sealed{chain: old.chain, events: uint64(old.end + 1 - h.first), last: old.end}
	if err := w.finish(seal, old.next-1, old.end+1); err != nil {
		return nil, nil, err
	}
	s = &segment{path: path, header: h}
	s.finish(w.size(), old.end, old.next, seal)
	return s, &w.places, nil
}

// replace writes the segment anew and puts it in place of the old one. The places come first: those that do not belong to the segment are made
// again when the log is opened. From the renaming on nothing fails but what a power cut would undo.
func (c *compaction) replace() (size int64, err error) {
	l, path := c.log, c.segment.path
	temporary := path + newSuffix
	s, held, err := c.write(temporary)
	if err != nil {
		return 0, errors.Join(err, l.removeLeft(temporary))
	}
	to := path
	if l.sys.swapAtOpen {
		to += swapSuffix
	} else if err := l.openAnew(s, held); err != nil {
		return 0, errors.Join(err, s.close(), l.removeLeft(temporary))
	}
	if err := l.sys.files.Rename(temporary, to); err != nil {
		return 0, errors.Join(err, s.close(), l.removeLeft(temporary))
	}
	if s.path = path; !l.sys.swapAtOpen {
		l.replace(s, true)
	}
	return s.size, l.sys.files.SyncDir(l.logDir())
}

// openAnew writes the places of a segment that was written anew, and opens it.
func (l *Log) openAnew(s *segment, held *places) error {
	if err := writePlaces(l.sys.files, l.indexDir(), s, held); err != nil {
		return err
	}
	mapped, err := openPlaces(l.sys.files, l.indexDir(), s)
	if err != nil {
		return err
	}
	s.setPlaces(mapped)
	return l.openFull(s)
}

// removeLeft removes a file that is of no use, if it is there. Should that fail too, opening the log does it.
func (l *Log) removeLeft(path string) error {
	if err := l.sys.files.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove what is left: %w", err)
	}
	return nil
}
