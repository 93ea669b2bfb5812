package filelog

import (
	"errors"
	"fmt"
	"io"

	"github.com/oxbow-events/oxbow/store"
)

// replay takes in what the segment holds, up to the end or to a frame that is not whole.
func (l *Log) replay(f *found) error {
	number := uint32(len(l.segments) - 1)
	for {
		fr, err := f.scan.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if f.seal != nil {
			return f.scan.damaged("there is something behind the seal")
		}
		if errors.Is(err, store.ErrDamaged) {
			f.broken = err
			return nil
		}
		if err != nil {
			return err
		}
		switch fr.kind {
		case frameCommit:
			err = l.replayCommit(f.scan, &fr, number)
		case frameSeal:
			f.seal, err = readSeal(f.scan)
		}
		if err != nil {
			return err
		}
	}
}

func readSeal(s *scanner) (*sealed, error) {
	seal, ok := decodeSeal(s.entries[0].payload)
	if !ok {
		return nil, s.damaged("the seal cannot be read")
	}
	return &seal, nil
}

func (l *Log) replayCommit(s *scanner, f *frame, segment uint32) error {
	l.index.beginCommit(int(f.events), int(f.items))
	for i := range s.entries {
		e := &s.entries[i]
		if err := l.replayEntry(e, segment); err != nil {
			return &DamageError{File: s.name, Offset: e.offset, Position: l.index.head + 1, Reason: err.Error()}
		}
	}
	return nil
}

func (l *Log) replayEntry(e *placed, segment uint32) error {
	if e.kind == entryItem {
		w, err := decodeItem(e.payload)
		if err == nil {
			l.items.write(w, l.index.sequence)
		}
		return err
	}
	r, err := decodeRecord(e.payload, false)
	if err != nil {
		return err
	}
	k := known{id: r.ID, stream: r.Stream, kind: r.Type, correlation: r.CorrelationID, tags: r.Tags}
	at := place{segment: segment, offset: uint32(e.offset), length: uint32(e.length)}
	if revision := l.index.add(&k, at); revision != r.Revision {
		return fmt.Errorf("stream %q goes on with revision %d where %d should be", r.Stream, r.Revision, revision)
	}
	return nil
}
