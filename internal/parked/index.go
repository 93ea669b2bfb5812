package parked

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Entry is what the index says of a letter.
type Entry struct {
	Slot     int
	Hash     Hash
	Position event.Position
	State    State
	Bytes    uint64 // of its data
	Revision uint64 // of the index's item
}

// Key returns the entry's key in the index, in whose order Entries yields.
func (e Entry) Key() string { return indexKey(e.Slot, e.Hash, e.Position) }

func encodeEntry(state State, bytes uint64) []byte {
	return strconv.AppendUint(append([]byte(state), ' '), bytes, 10)
}

func decodeEntry(name string, item store.Item) (Entry, error) {
	e := Entry{Revision: item.Revision}
	var err error
	if e.Slot, e.Hash, e.Position, err = parseIndexKey(item.Key); err == nil {
		err = e.parse(string(item.Value))
	}
	if err != nil {
		return e, &DamagedError{Consumer: name, Bucket: item.Bucket, Key: item.Key, Position: e.Position, Err: err}
	}
	return e, nil
}

func (e *Entry) parse(value string) (err error) {
	state, size, _ := strings.Cut(value, " ")
	if e.State = State(state); e.State != Failed && e.State != Waiting {
		return fmt.Errorf("%q is not a state and a size", value)
	}
	e.Bytes, err = strconv.ParseUint(size, 10, 64)
	return err
}

// Entries yields the index's entries with from <= Entry.Key < to in order of slot, hash and position. An empty to means to the end. A
// damaged one is yielded as a *DamagedError, and the iteration goes on; after any other error it ends.
func Entries(ctx context.Context, st *store.Store, name, from, to string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for item, err := range st.List(ctx, indexBucket(name), from, to) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !yield(decodeEntry(name, item)) {
				return
			}
		}
	}
}

// EntriesOf is Entries of one key, those after a position.
func EntriesOf(ctx context.Context, st *store.Store, name string, slot int, hash Hash, after event.Position) iter.Seq2[Entry, error] {
	return Entries(ctx, st, name, indexKey(slot, hash, after)+"!", afterAll(keyPrefix(slot, hash)))
}

// EntriesFrom is Entries from a key of a slot on, to the end.
func EntriesFrom(ctx context.Context, st *store.Store, name string, slot int, hash Hash) iter.Seq2[Entry, error] {
	return Entries(ctx, st, name, keyPrefix(slot, hash), "")
}

// stepOver is how many letters of one key are passed one by one before the rest of them is jumped over.
const stepOver = 32

// Keys yields the hashes of a slot's parked keys, in order. It costs as much as there are keys, however many letters they have.
func Keys(ctx context.Context, st *store.Store, name string, slot int) iter.Seq2[Hash, error] {
	return func(yield func(Hash, error) bool) {
		prefix := slotPrefix(slot)
		from, to := prefix, afterAll(prefix)
		for from != "" {
			var more bool
			if from, more = someKeys(Entries(ctx, st, name, from, to), yield); !more {
				return
			}
		}
	}
}

// someKeys yields keys until one has many letters, and returns where the next key begins: "" at the end.
func someKeys(entries iter.Seq2[Entry, error], yield func(Hash, error) bool) (from string, more bool) {
	var last Entry
	passed := 0
	for e, err := range entries {
		if err != nil {
			yield(0, err)
			return "", false
		}
		if passed > 0 && e.Hash == last.Hash {
			if passed++; passed > stepOver {
				return afterAll(keyPrefix(e.Slot, e.Hash)), true
			}
			continue
		}
		if !yield(e.Hash, nil) {
			return "", false
		}
		last, passed = e, 1
	}
	return "", true
}
