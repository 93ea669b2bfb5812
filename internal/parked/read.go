package parked

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Has reports whether there is a letter at a position.
func Has(ctx context.Context, st *store.Store, name string, p event.Position) (bool, error) {
	item, err := st.Get(ctx, Letters(name), LetterKey(p))
	return item.Revision > 0, err
}

// Head returns a letter without its data. The error wraps ErrNone when there is none, and is a *DamagedError when it cannot be read.
func Head(ctx context.Context, st *store.Store, name string, p event.Position) (Letter, error) {
	item, err := st.Get(ctx, Letters(name), LetterKey(p))
	if err != nil {
		return Letter{}, err
	}
	if item.Revision == 0 {
		return Letter{}, fmt.Errorf("position %d of consumer %s: %w", p, name, ErrNone)
	}
	return DecodeLetter(name, item)
}

// Read returns a letter with its data. Errors are those of Head.
func Read(ctx context.Context, st *store.Store, name string, p event.Position) (Letter, error) {
	for {
		l, err := Head(ctx, st, name, p)
		if err != nil {
			return Letter{}, err
		}
		l.Record.Data, err = Data(ctx, st, name, &l, len(l.Edits))
		if err == nil {
			return l, nil
		}
		again, headErr := Head(ctx, st, name, p)
		if headErr != nil {
			return Letter{}, headErr
		}
		if again.Revision == l.Revision {
			return Letter{}, err
		}
	}
}

// Data returns the data of a letter after so many of its edits.
func Data(ctx context.Context, st *store.Store, name string, l *Letter, edits int) ([]byte, error) {
	size := l.sizeAfter(edits)
	if size < 0 {
		return nil, nil
	}
	item, err := st.Get(ctx, dataBucket(name), dataKey(l.Record.Position, edits))
	if err != nil {
		return nil, err
	}
	switch {
	case item.Revision == 0:
		err = fmt.Errorf("it is missing, and had %d bytes", size)
	case len(item.Value) != size:
		err = fmt.Errorf("it has %d bytes, and had %d", len(item.Value), size)
	case item.Value == nil:
		return []byte{}, nil
	default:
		return item.Value, nil
	}
	return nil, &DamagedError{Consumer: name, Bucket: dataBucket(name), Key: item.Key, Position: l.Record.Position, Err: err}
}

func (l *Letter) sizeAfter(edits int) int {
	switch {
	case edits < len(l.Edits):
		return l.Edits[edits].SizeBefore
	default:
		return l.Size
	}
}

// OfKey returns up to limit letters of a key with their data, in order of position, those after a position. An entry whose letter is
// missing is a *DamagedError.
func OfKey(ctx context.Context, st *store.Store, name string, slot int, hash Hash, after event.Position, limit int) ([]Letter, error) {
	var found []Letter
	for e, err := range EntriesOf(ctx, st, name, slot, hash, after) {
		if err != nil {
			return nil, err
		}
		l, ok, err := readEntry(ctx, st, name, e)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if found = append(found, l); len(found) >= limit {
			break
		}
	}
	return found, nil
}

// readEntry reads the letter of an entry; ok is false when somebody has removed both since.
func readEntry(ctx context.Context, st *store.Store, name string, e Entry) (l Letter, ok bool, err error) {
	l, err = Read(ctx, st, name, e.Position)
	if err == nil {
		return l, true, nil
	}
	item, getErr := st.Get(ctx, indexBucket(name), e.Key())
	switch {
	case getErr != nil:
		return l, false, getErr
	case item.Revision == 0:
		return l, false, nil
	default:
		return l, false, missing(name, e, err)
	}
}

// missing says that a letter is not where its entry is, unless it is damaged itself.
func missing(name string, e Entry, err error) error {
	if !errors.Is(err, ErrNone) {
		return err
	}
	return &DamagedError{
		Consumer: name, Bucket: Letters(name), Key: LetterKey(e.Position), Position: e.Position,
		Err: errors.New("it is missing, and its key has an entry for it"),
	}
}
