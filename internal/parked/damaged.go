package parked

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Damaged is all that is left of a letter that cannot be read.
type Damaged struct {
	Position event.Position
	Revision uint64   // of the letter's item; 0 when it is missing
	Entry    Entry    // its revision is 0 when it is missing too
	data     []string // keys of the versions
}

// FindDamaged returns what is there of the letters at positions, whether they can be read or not, in that order. It reads the whole index
// once. Positions of which nothing is there are left out.
func FindDamaged(ctx context.Context, st *store.Store, name string, positions []event.Position) ([]Damaged, error) {
	entries, err := entriesAt(ctx, st, name, positions)
	if err != nil {
		return nil, err
	}
	var all []Damaged
	for _, p := range positions {
		item, err := st.Get(ctx, Letters(name), LetterKey(p))
		if err != nil {
			return nil, err
		}
		d := Damaged{Position: p, Revision: item.Revision, Entry: entries[p]}
		if d.Revision == 0 && d.Entry.Revision == 0 {
			continue
		}
		for item, err := range st.List(ctx, dataBucket(name), LetterKey(p)+"/", LetterKey(p)+"0") {
			if err != nil {
				return nil, err
			}
			d.data = append(d.data, item.Key)
		}
		all = append(all, d)
	}
	return all, nil
}

func entriesAt(ctx context.Context, st *store.Store, name string, positions []event.Position) (map[event.Position]Entry, error) {
	entries := make(map[event.Position]Entry, len(positions))
	for _, p := range positions {
		entries[p] = Entry{}
	}
	for e, err := range Entries(ctx, st, name, "", "") {
		if _, damaged := errors.AsType[*DamagedError](err); err != nil && !damaged {
			return nil, err
		}
		if _, wanted := entries[e.Position]; wanted {
			entries[e.Position] = e
		}
	}
	return entries, nil
}

// Items returns how many items are written when the letter is deleted.
func (d *Damaged) Items() int { return 2 + len(d.data) }

// clear deletes letters that cannot be read. The count is that of the entries: what has none is not counted.
func (w *writer) clear(c Change) error {
	for i := range c.Damaged {
		d := &c.Damaged[i]
		w.delete(Letters(w.name), LetterKey(d.Position))
		w.expect(Letters(w.name), LetterKey(d.Position), d.Revision)
		for _, key := range d.data {
			w.delete(dataBucket(w.name), key)
		}
		if d.Entry.Revision == 0 {
			continue
		}
		w.delete(indexBucket(w.name), d.Entry.Key())
		w.expect(indexBucket(w.name), d.Entry.Key(), d.Entry.Revision)
		w.count.Remove(d.Entry.State, d.Entry.Bytes)
	}
	return nil
}
