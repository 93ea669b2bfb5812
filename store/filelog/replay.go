package filelog

import (
	"errors"
	"fmt"
	"io"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
	"github.com/oxbow-events/oxbow/store/filelog/internal/items"
)

// replayer takes in what a segment holds.
type replayer struct {
	log   *Log
	f     *found
	lacks missing // what is to be made
	batch *items.Batch
	wrote int // items in the batch
}

// replay takes in the items of a segment and makes what it lacks; up to the end or to a frame that is not whole.
func (l *Log) replay(f *found, lacks missing) error {
	p := &replayer{log: l, f: f, lacks: lacks}
	if lacks.index {
		p.begin()
	}
	return wrapDamage(p.run())
}

// begin gives the segment an index in memory.
func (p *replayer) begin() {
	l, f := p.log, p.f
	f.table = index.NewTable(l.hasher, f.header.first-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shape.tables = []*index.Table{f.table}
}

func (p *replayer) run() error {
	f, at := p.f, p.f.scan.off
	for {
		fr, err := f.scan.next()
		if stop := p.log.watch.goOn(f.scan.off - at); stop != nil {
			return stop
		}
		at = f.scan.off
		if errors.Is(err, io.EOF) {
			return p.apply()
		}
		if f.seal != nil {
			return f.scan.damaged("there is something behind the seal")
		}
		if errors.Is(err, store.ErrDamaged) {
			f.broken = err
			return p.apply()
		}
		if err != nil {
			return err
		}
		switch fr.kind {
		case frameCommit, frameGap:
			err = index.Try(func() error { return p.commit(&fr) })
		case frameSeal:
			if f.seal, err = readSeal(f.scan); err == nil {
				f.finishAs(f.seal)
			}
		}
		if err != nil {
			return err
		}
	}
}

func readSeal(s *scanner) (*sealed, error) {
	seal, ok := decodeSeal(s.entries[0].payload, s.header.version)
	if !ok {
		return nil, s.damaged("the seal cannot be read")
	}
	return &seal, nil
}

func (p *replayer) commit(fr *frame) error {
	s := p.f.scan
	for i := range s.entries {
		e := &s.entries[i]
		var err error
		switch e.kind {
		case entryItem:
			err = p.item(e, fr.sequence)
		case entryRecord:
			err = p.record(e, i == 0)
		case entryGone:
			p.gone(e, i == 0 && fr.kind == frameCommit)
		}
		if err != nil {
			return err
		}
	}
	if p.wrote > 1000 {
		return p.apply()
	}
	return nil
}

func (p *replayer) damaged(e *placed, position store.Position, reason string) error {
	return &DamageError{File: p.f.path, Offset: e.offset, Position: position, Reason: reason}
}

// gone takes in that something is gone. first says that it begins a commit of which something is left.
func (p *replayer) gone(e *placed, first bool) {
	if p.lacks.places {
		at := uint32(0)
		if first {
			at = placeOf(e.offset, true)
		}
		p.f.places.addGone(e.gone.positions, at)
	}
	if p.lacks.index {
		p.f.table.Skip(uint32(e.gone.positions), e.gone.types)
	}
}

func (p *replayer) record(e *placed, first bool) error {
	if p.lacks.places {
		p.f.places.add(placeOf(e.offset, first))
	}
	if !p.lacks.index {
		return nil
	}
	var r event.Record // its texts are good until the next frame
	if err := decodeOwn(&r, e.payload); err != nil {
		return p.damaged(e, e.position, err.Error())
	}
	known := index.Event{ID: r.ID, Stream: r.Stream, Type: r.Type, Correlation: r.CorrelationID, Tags: r.Tags}
	before := uint64(0)
	if !p.f.table.Knows(r.Stream) {
		k := p.log.hasher.Stream(r.Stream)
		before = p.log.shape.revision(&k, p.f.table.Base())
	}
	revision := p.f.table.Add(&known, before)
	if r.Revision < revision || r.Revision > revision && !p.f.gaps {
		return p.damaged(e, e.position, fmt.Sprintf("stream %q goes on with revision %d where %d should be", r.Stream, r.Revision, revision))
	}
	if r.Revision > revision {
		p.f.table.Raise(r.Stream, r.Revision-revision)
	}
	return nil
}

// item takes in an item, unless it is there already.
func (p *replayer) item(e *placed, sequence uint64) error {
	l := p.log
	if p.lacks.index {
		p.f.table.CountItems(1)
	}
	if l.items != nil && sequence <= l.items.Mark().Sequence {
		return nil
	}
	w, err := decodeItem(e.payload)
	if err != nil {
		return p.damaged(e, 0, err.Error())
	}
	if err := l.haveItems(); err != nil {
		return err
	}
	if p.batch == nil {
		p.batch = l.items.NewBatch()
	}
	p.wrote++
	return p.batch.Write(&w, sequence)
}

func (p *replayer) apply() error {
	if p.batch == nil {
		return nil
	}
	b := p.batch
	p.batch, p.wrote = nil, 0
	return b.Apply()
}
