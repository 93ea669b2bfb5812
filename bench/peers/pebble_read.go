package peers

import (
	"context"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/oxbow-events/oxbow/event"
)

// pebbleReader is what all uses of Pebble share: five keys an event, see putEvent.
type pebbleReader struct{ db *pebble.DB }

func (p pebbleReader) Replay(_ context.Context, fn func(*event.Record)) error {
	var d recordReader
	return p.each(numbered("r", 0), func(key, value []byte) error {
		r, err := d.read(value, number(key))
		if err == nil {
			fn(r)
		}
		return err
	})
}

func (p pebbleReader) Stream(_ context.Context, stream string, fn func(*event.Record)) error {
	var d recordReader
	return p.each(streamKey(stream, 0), func(_, position []byte) error {
		value, closer, err := p.db.Get(append([]byte("r"), position...))
		if err != nil {
			return err
		}
		defer closer.Close()
		r, err := d.read(value, number(position))
		if err == nil {
			fn(r)
		}
		return err
	})
}

// each calls fn with all keys from key on that begin as it does, except for its number.
func (p pebbleReader) each(key []byte, fn func(key, value []byte) error) (err error) {
	it, err := p.db.NewIter(&pebble.IterOptions{LowerBound: key, UpperBound: numbered(string(key[:len(key)-8]), math.MaxUint64)})
	if err != nil {
		return err
	}
	defer func() {
		if closed := it.Close(); err == nil {
			err = closed
		}
	}()
	for ok := it.First(); ok; ok = it.Next() {
		if err := fn(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return it.Error()
}

// newest returns the greatest number among keys that begin as the key does, or 0.
func (p pebbleReader) newest(key []byte) (n uint64, err error) {
	it, err := p.db.NewIter(&pebble.IterOptions{LowerBound: key, UpperBound: numbered(string(key[:len(key)-8]), math.MaxUint64)})
	if err != nil {
		return 0, err
	}
	if it.Last() {
		n = number(it.Key())
	}
	return n, it.Close()
}

// Close flushes first: a clean end.
func (p pebbleReader) Close() error {
	if err := p.db.Flush(); err != nil {
		return err
	}
	return p.db.Close()
}
