package deadletter

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// maxScan is how many letters one page looks at, however few of them match.
const maxScan = 10_000

// maxHeld ends a page whose letters have more bytes, their data aside.
const maxHeld = 8 << 20

// found is a letter without its data, or why it cannot be read.
type found struct {
	letter   parked.Letter
	position Position
	damaged  *DamagedError
	bytes    int // of the item
}

// scan yields the letters after a position that the filter may mean, in order of position: all that it has to look at.
func (l *Letters) scan(ctx context.Context, f *Filter, after Position) iter.Seq2[found, error] {
	switch {
	case f.Position > 0:
		return l.scanOne(ctx, f.Position, after)
	case f.Key != "":
		return l.scanKey(ctx, f, max(after, f.After))
	}
	to := ""
	if f.Before > 0 {
		to = parked.LetterKey(f.Before)
	}
	from := parked.LetterKey(max(after, f.After) + 1)
	return func(yield func(found, error) bool) {
		for item, err := range l.store.List(ctx, parked.Letters(l.name), from, to) {
			if err != nil {
				yield(found{}, err)
				return
			}
			if !yield(l.decode(item), nil) {
				return
			}
		}
	}
}

func (l *Letters) decode(item store.Item) found {
	letter, err := parked.DecodeLetter(l.name, item)
	if damaged, ok := errors.AsType[*DamagedError](err); ok {
		return found{position: damaged.Position, damaged: damaged, bytes: len(item.Value)}
	}
	return found{letter: letter, position: letter.Record.Position, bytes: len(item.Value)}
}

// look reads one letter; ok is false when there is none.
func (l *Letters) look(ctx context.Context, p Position) (_ found, ok bool, err error) {
	item, err := l.store.Get(ctx, parked.Letters(l.name), parked.LetterKey(p))
	if err != nil || item.Revision == 0 {
		return found{}, false, err
	}
	return l.decode(item), true, nil
}

func (l *Letters) scanOne(ctx context.Context, p, after Position) iter.Seq2[found, error] {
	return func(yield func(found, error) bool) {
		if p <= after {
			return
		}
		if letter, ok, err := l.look(ctx, p); ok || err != nil {
			yield(letter, err)
		}
	}
}

// scanKey finds a key's letters through the index.
func (l *Letters) scanKey(ctx context.Context, f *Filter, after Position) iter.Seq2[found, error] {
	return func(yield func(found, error) bool) {
		positions, err := l.ofKey(ctx, parked.HashOf(f.Key), after)
		if err != nil {
			yield(found{}, err)
			return
		}
		for _, p := range positions {
			letter, ok, err := l.look(ctx, p)
			if !ok && err == nil {
				continue // somebody was faster
			}
			if !yield(letter, err) || err != nil {
				return
			}
		}
	}
}

// ofKey returns the positions of a key's next letters, in order: one more than a page looks at.
func (l *Letters) ofKey(ctx context.Context, hash parked.Hash, after Position) ([]Position, error) {
	slots, err := l.slotsOf(ctx, hash)
	if err != nil {
		return nil, err
	}
	var positions []Position
	for _, slot := range slots {
		n := 0
		for e, err := range parked.EntriesOf(ctx, l.store, l.name, slot, hash, after) {
			if err != nil && e.Position == 0 {
				return nil, err
			}
			positions = append(positions, e.Position)
			if n++; n > maxScan {
				break
			}
		}
	}
	slices.SortFunc(positions, cmp.Compare[Position])
	return positions[:min(len(positions), maxScan+1)], nil
}

// slotsOf returns the slots that have letters of a key: one, as long as the number of slots does not change. It jumps from slot to
// slot instead of reading the index.
func (l *Letters) slotsOf(ctx context.Context, hash parked.Hash) (slots []int, err error) {
	for slot := 0; slot <= parked.MaxSlot; slot++ {
		e, ok, err := l.firstEntry(ctx, parked.EntriesFrom(ctx, l.store, l.name, slot, hash))
		if err != nil || !ok {
			return slots, err
		}
		if e.Slot > slot && e.Hash != hash { // perhaps with a smaller hash than that of the key
			slot = e.Slot - 1
			continue
		}
		if e.Hash == hash {
			slots, slot = append(slots, e.Slot), e.Slot
		}
	}
	return slots, nil
}

// firstEntry returns the first of the entries; ok is false when there is none.
func (l *Letters) firstEntry(_ context.Context, entries iter.Seq2[parked.Entry, error]) (e parked.Entry, ok bool, err error) {
	for e, err := range entries {
		if _, damaged := errors.AsType[*DamagedError](err); damaged {
			err = nil // its key says what matters here
		}
		return e, true, err
	}
	return parked.Entry{}, false, nil
}
