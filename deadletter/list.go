package deadletter

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
)

// MaxPage is the largest number of letters on a page.
const MaxPage = 1000

// Page is a part of what was asked for.
type Page struct {
	Letters []Letter        // in order of position, without their records' data
	Damaged []*DamagedError // those of this page's positions that cannot be read
	Next    Position        // the cursor of the next page; 0 when this is the last
}

// List returns the letters that match the filter, in order of position: up to limit of them (0 means 100, the largest is MaxPage), those
// after the cursor, which is 0 at first and then the Next of the page before. A page looks at 10,000 letters at most, and ends early when its
// letters are large, so it may have few or none though there are more.
func (l *Letters) List(ctx context.Context, f Filter, limit int, cursor Position) (Page, error) {
	if limit == 0 {
		limit = 100
	}
	if limit < 0 || limit > MaxPage {
		return Page{}, event.Invalid("limit", "is %d; it may be 1 to %d", limit, MaxPage)
	}
	if err := f.Check(); err != nil {
		return Page{}, err
	}
	var page Page
	looked, bytes, last := 0, 0, cursor
	for each, err := range l.scan(ctx, &f, cursor) {
		if err != nil {
			return Page{}, err
		}
		if len(page.Letters)+len(page.Damaged) == limit || looked == maxScan || bytes >= maxHeld {
			page.Next = last
			break
		}
		looked, last = looked+1, each.position
		switch {
		case each.damaged != nil:
			page.Damaged = append(page.Damaged, each.damaged)
		case f.match(&each.letter):
			page.Letters = append(page.Letters, letterOf(each.letter))
			bytes += each.bytes
		}
	}
	return page, nil
}

// Get returns one letter with its data. The error wraps ErrNone when there is none.
func (l *Letters) Get(ctx context.Context, p Position) (Letter, error) {
	read, err := parked.Read(ctx, l.store, l.name, p)
	if err != nil {
		return Letter{}, err
	}
	return l.whole(ctx, read)
}

// whole adds what is known of the letter's key.
func (l *Letters) whole(ctx context.Context, read parked.Letter) (Letter, error) {
	letter := letterOf(read)
	key, err := l.keyOf(ctx, read.Slot, read.Hash)
	if err != nil {
		return Letter{}, err
	}
	letter.Requested = key.request.Revision > 0
	if read.State == parked.Waiting && key.first.Position != read.Record.Position {
		letter.Behind = key.first.Position
	}
	return letter, nil
}

// Data returns the data of a letter's record after so many of its edits: 0 gives what was stored.
func (l *Letters) Data(ctx context.Context, p Position, edits int) ([]byte, error) {
	letter, err := parked.Head(ctx, l.store, l.name, p)
	if err != nil {
		return nil, err
	}
	if edits < 0 || edits > len(letter.Edits) {
		return nil, event.Invalid("edits", "is %d; the letter at position %d has %d", edits, p, len(letter.Edits))
	}
	return parked.Data(ctx, l.store, l.name, &letter, edits)
}

// key is how a parked key stands. It has a letter that failed, or a request.
type key struct {
	first   parked.Entry   // the letter that the others wait behind; the zero Entry when there is none
	request parked.Request // its revision is 0 when nobody asked
}

// maxBefore is how many letters of a key are looked at for the one that failed. It is the first, unless the consumer was rewound.
const maxBefore = 1000

func (l *Letters) keyOf(ctx context.Context, slot int, hash parked.Hash) (k key, err error) {
	if k.request, err = l.requestOf(ctx, slot, hash); err != nil {
		return k, err
	}
	n := 0
	for e, err := range parked.EntriesOf(ctx, l.store, l.name, slot, hash, 0) {
		if _, damaged := errors.AsType[*DamagedError](err); err != nil && !damaged {
			return k, err
		}
		if n == 0 || e.State == parked.Failed {
			k.first = e
		}
		if n++; e.State == parked.Failed || n == maxBefore {
			break
		}
	}
	return k, nil
}

// requestOf returns the request for a key, also one that cannot be read.
func (l *Letters) requestOf(ctx context.Context, slot int, hash parked.Hash) (parked.Request, error) {
	r, err := parked.RequestOf(ctx, l.store, l.name, slot, hash)
	if _, damaged := errors.AsType[*DamagedError](err); damaged {
		err = nil
	}
	return r, err
}
