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
	place bool // note where its records lie
	index bool // make its index
	batch *items.Batch
	wrote int // items in the batch
}

// replay takes in the items of a segment, notes where its records lie and makes its index, as far as that is asked for; up to the end
// or to a frame that is not whole.
func (l *Log) replay(f *found, place, index bool) error {
	p := &replayer{log: l, f: f, place: place, index: index}
	if index {
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
		case frameCommit:
			err = index.Try(func() error { return p.commit(&fr) })
		case frameSeal:
			if f.seal, err = readSeal(f.scan); err == nil {
				f.finishAs(f.seal.digest)
			}
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

func (p *replayer) commit(fr *frame) error {
	s := p.f.scan
	if p.index && fr.items > 0 {
		p.f.table.CountItems(int(fr.items))
	}
	for i := range s.entries {
		e := &s.entries[i]
		var err error
		switch {
		case e.kind == entryItem:
			err = p.item(e, fr.sequence)
		case p.index || p.place:
			err = p.record(e, fr.first+store.Position(i), i == 0)
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

func (p *replayer) record(e *placed, position store.Position, first bool) error {
	if p.place {
		p.f.places.add(placeOf(e.offset, first))
	}
	if !p.index {
		return nil
	}
	var r event.Record // its texts are good until the next frame
	if err := decodeOwn(&r, e.payload); err != nil {
		return p.damaged(e, position, err.Error())
	}
	known := index.Event{ID: r.ID, Stream: r.Stream, Type: r.Type, Correlation: r.CorrelationID, Tags: r.Tags}
	before := uint64(0)
	if !p.f.table.Knows(r.Stream) {
		k := p.log.hasher.Stream(r.Stream)
		before = p.log.shape.revision(&k, p.f.table.Base())
	}
	if revision := p.f.table.Add(&known, before); revision != r.Revision {
		return p.damaged(e, position, fmt.Sprintf("stream %q goes on with revision %d where %d should be", r.Stream, r.Revision, revision))
	}
	return nil
}

// item takes in an item, unless it is there already.
func (p *replayer) item(e *placed, sequence uint64) error {
	l := p.log
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
