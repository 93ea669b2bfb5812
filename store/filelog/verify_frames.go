package filelog

import (
	"errors"
	"fmt"
	"io"

	"github.com/oxbow-events/oxbow/store"
)

func (v *verifier) frames(this *found, newest bool) error {
	for {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		v.tell(v.done + this.scan.off)
		f, err := this.scan.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, store.ErrDamaged):
			more, err := v.pass(this, newest, err)
			if err != nil || !more {
				return err
			}
		case err != nil:
			return err
		default:
			if err := v.frame(this, &f); err != nil {
				return err
			}
		}
	}
}

// pass gets over a frame that is not whole, and reports it unless a crash explains it; more is false when nothing is behind it.
func (v *verifier) pass(this *found, newest bool, broken error) (more bool, err error) {
	s := this.scan
	if this.seal != nil {
		v.damage(s.damaged("there is something behind the seal"))
		return false, nil
	}
	if newest {
		acknowledged, err := s.acknowledged()
		if err != nil {
			return false, err
		}
		if !acknowledged {
			end, err := s.writtenFrom(s.off)
			v.report.Torn = &TornTail{File: s.name, Offset: s.off, Bytes: end - s.off}
			return false, err
		}
	}
	if passed, err := v.passEntries(this); passed || err != nil {
		return passed, err
	}
	next, err := s.find(s.off+1, func(frame) bool { return true })
	if err != nil {
		return false, err
	}
	if next == 0 && !newest {
		this.broken = broken // perhaps a seal that was being written; the segment after it tells
		return false, nil
	}
	this.damaged = true
	v.damage(broken)
	return next > 0, s.jump(next)
}

// jump goes on at a frame that find found.
func (s *scanner) jump(off int64) error {
	b, err := s.window.at(off, frameSize)
	if err != nil {
		return err
	}
	if f, ok := parseFrame(b, s.header.checksum, off); ok {
		s.off, s.first, s.sequence = off, f.first, f.sequence
		if f.kind == frameMark || f.kind == frameSeal {
			s.sequence++
		}
	}
	return nil
}

// passEntries reports every damaged entry of a frame whose own header is sound, and goes behind it. It leaves a seal alone, which
// a crash may have torn.
func (v *verifier) passEntries(this *found) (passed bool, err error) {
	s := this.scan
	head, err := s.window.at(s.off, frameSize)
	if err != nil {
		return false, err
	}
	f, ok := parseFrame(head, s.header.checksum, s.off)
	if !ok || s.fits(&f) != nil || f.kind == frameSeal {
		return false, nil
	}
	body, err := s.window.at(s.off+frameSize, int(f.body))
	if err != nil {
		return false, err
	}
	for _, d := range s.damagedEntries(&f, body) {
		v.damage(d)
	}
	this.damaged = true
	s.pass(&f)
	return true, nil
}

func (s *scanner) damagedEntries(f *frame, body []byte) (all []*DamageError) {
	report := func(offset int64, position store.Position, reason string) {
		all = append(all, &DamageError{File: s.name, Offset: offset, Position: position, Reason: reason})
	}
	offset, position := s.off+frameSize, f.first
	for i := uint32(0); len(body) > 0; i++ {
		n, ok := entryLength(body)
		if !ok {
			report(offset, position, "the length of a record is wrong; those behind it in the commit cannot be read")
			return all
		}
		kind := entryKind(body[8])
		if s.header.version < compacted { // then the place tells, should the kind be what is damaged
			kind = kindAt(i, f)
		}
		e, ok := parseEntry(body[:n], entryNumber(kind, f.sequence, position))
		if !ok {
			report(offset, position, "the checksum of a record does not match")
		}
		if !ok && kind == entryGone {
			return all // where those behind it stand is not known
		}
		position += e.positions(kind)
		offset, body = offset+int64(n), body[n:]
	}
	if len(all) == 0 {
		report(s.off, f.first, "the frame does not hold what it says it holds")
	}
	return all
}

// frame checks what is in a whole frame.
func (v *verifier) frame(this *found, f *frame) error {
	s := this.scan
	if this.seal != nil {
		v.damage(s.damaged("there is something behind the seal"))
	}
	switch f.kind {
	case frameCommit:
		v.report.Commits++
		for i := range s.entries {
			v.entry(s, &s.entries[i], i == 0 && f.kind == frameCommit)
		}
	case frameGap:
		v.entry(s, &s.entries[0], false)
	case frameSeal:
		return v.seal(this, f)
	}
	return nil
}

func (v *verifier) entry(s *scanner, e *placed, first bool) {
	switch e.kind {
	case entryItem:
		v.report.Items++
		if _, err := decodeItem(e.payload); err != nil {
			v.damage(&DamageError{File: s.name, Offset: e.offset, Reason: err.Error()})
		}
	case entryGone:
		v.report.Gone += e.gone.positions
		v.unseen += e.gone.positions
		at := uint32(0)
		if first {
			at = placeOf(e.offset, true)
		}
		v.places.addGone(e.gone.positions, at)
		if n := store.Position(e.gone.positions); n > 0 {
			v.report.Head = e.position + n - 1
		}
	case entryRecord:
		v.record(s, e, first)
	}
}

func (v *verifier) record(s *scanner, e *placed, first bool) {
	p := e.position
	v.report.Events++
	v.report.Head = p
	v.places.add(placeOf(e.offset, first))
	r, err := decodeRecord(e.payload, false)
	if err != nil {
		v.damage(&DamageError{File: s.name, Offset: e.offset, Position: p, Reason: err.Error()})
		return
	}
	if v.revisions == nil {
		return // nobody asks
	}
	want := v.revisions[r.Stream] + 1
	if r.Revision > want && r.Revision-want <= v.unseen { // those between are gone
		v.unseen -= r.Revision - want
		want = r.Revision
	}
	if r.Revision < want || r.Revision > want && !v.lost {
		v.damage(&DamageError{
			File: s.name, Offset: e.offset, Position: p,
			Reason: fmt.Sprintf("stream %q goes on with revision %d where %d should be", r.Stream, r.Revision, want),
		})
	}
	v.revisions[r.Stream] = max(r.Revision, want)
}

func (v *verifier) seal(this *found, f *frame) error {
	s, err := this.scan, error(nil)
	if this.seal, err = readSeal(s); err != nil {
		v.damage(err)
		return nil
	}
	if this.damaged {
		return nil
	}
	at := s.off - frameSize - int64(f.body)
	h, err := hashFile(this.file, at)
	if err != nil {
		return err
	}
	if digest(h.Sum(nil)) != this.seal.digest {
		v.damage(&DamageError{File: s.name, Offset: at, Reason: "the digest in the seal is not that of the segment"})
	}
	if this.seal.last != s.first-1 || this.seal.events != uint64(s.first-s.header.first) {
		v.damage(&DamageError{File: s.name, Offset: at, Reason: "the seal does not count the events that are there"})
	}
	return nil
}
