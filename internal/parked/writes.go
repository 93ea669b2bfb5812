package parked

import (
	"encoding/json"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Change is what one commit does to the letters of a consumer. Nothing may occur twice in it.
type Change struct {
	Park     []Letter  // new ones
	Again    []Letter  // as they were read, then changed: failed again, or edited
	Resolved []Letter  // as they were read: handled or discarded, they are deleted
	Damaged  []Damaged // deleted, whatever they are
	Ask      []Request // written; Revision as read, 0 when there was none
	Unask    []Request // as they were read: deleted
}

// Written is a Change made into writes and conditions.
type Written struct {
	Items      []store.ItemWrite
	Conditions []store.Condition
	Count      Count // after the commit; its revision is that of the receipt
}

// Writes returns what to commit for a change, given the count as it was last read or written. An error is the caller's
// mistake.
func Writes(name string, count Count, c Change) (Written, error) {
	w := writer{name: name, count: count}
	for _, step := range []func(Change) error{w.park, w.again, w.resolve, w.clear, w.ask, w.unask} {
		if err := step(c); err != nil {
			return Written{}, err
		}
	}
	if w.count != count {
		if err := w.putCount(count.Revision); err != nil {
			return Written{}, err
		}
	}
	return Written{Items: w.items, Conditions: w.conditions, Count: w.count}, nil
}

// Footprint is roughly what a letter adds to a commit, in bytes; store.MaxCommit bounds their sum.
func (l *Letter) Footprint() int { return 4096 + len(l.Record.Data) + len(l.Error) + len(l.Stack) }

type writer struct {
	name       string
	count      Count
	items      []store.ItemWrite
	conditions []store.Condition
}

func (w *writer) put(bucket, key string, value []byte) {
	w.items = append(w.items, store.Put(bucket, key, value))
}

func (w *writer) delete(bucket, key string) { w.items = append(w.items, store.Delete(bucket, key)) }

func (w *writer) expect(bucket, key string, revision uint64) {
	w.conditions = append(w.conditions, store.ItemAt(bucket, key, revision))
}

func (w *writer) putCount(revision uint64) error {
	value, err := json.Marshal(w.count)
	if err != nil {
		return err
	}
	w.put(CountBucket, w.name, value)
	w.expect(CountBucket, w.name, revision)
	return nil
}

func (w *writer) park(c Change) error {
	for i := range c.Park {
		l := c.Park[i]
		if l.Hash == 0 {
			l.Hash = HashOf(l.Key)
		}
		l.Size, l.Revision, l.Edits = sizeOf(l.Record.Data), 0, nil
		if err := w.putLetter(&l); err != nil {
			return err
		}
		w.putData(&l)
		w.putEntry(&l)
		w.count.Add(l.State, l.Bytes())
	}
	return nil
}

func (w *writer) again(c Change) error {
	for i := range c.Again {
		l := c.Again[i]
		if l.Revision == 0 {
			return fmt.Errorf("letter at position %d: was not read before it was changed", l.Record.Position)
		}
		if err := w.putLetter(&l); err != nil {
			return err
		}
		if len(l.Edits) > l.was.edits {
			w.putData(&l)
		}
		if l.State == l.was.state && l.Bytes() == l.was.bytes {
			continue
		}
		w.putEntry(&l)
		w.count.Remove(l.was.state, l.was.bytes)
		w.count.Add(l.State, l.Bytes())
	}
	return nil
}

func (w *writer) resolve(c Change) error {
	for i := range c.Resolved {
		l := &c.Resolved[i]
		if l.Revision == 0 {
			return fmt.Errorf("letter at position %d: was not read before it was resolved", l.Record.Position)
		}
		key := LetterKey(l.Record.Position)
		w.delete(Letters(w.name), key)
		w.expect(Letters(w.name), key, l.Revision)
		for version := range l.was.edits + 1 {
			w.delete(dataBucket(w.name), dataKey(l.Record.Position, version))
		}
		w.delete(indexBucket(w.name), indexKey(l.Slot, l.Hash, l.Record.Position))
		w.count.Remove(l.was.state, l.was.bytes)
	}
	return nil
}

func (w *writer) ask(c Change) error {
	for _, r := range c.Ask {
		value, err := json.Marshal(r)
		if err != nil {
			return err
		}
		w.put(requestBucket(w.name), requestKey(r.Slot, r.Hash), value)
		w.expect(requestBucket(w.name), requestKey(r.Slot, r.Hash), r.Revision)
	}
	return nil
}

func (w *writer) unask(c Change) error {
	for _, r := range c.Unask {
		if r.Revision == 0 {
			return fmt.Errorf("request for key %s: was not read before it was taken away", r.Hash)
		}
		w.delete(requestBucket(w.name), requestKey(r.Slot, r.Hash))
		w.expect(requestBucket(w.name), requestKey(r.Slot, r.Hash), r.Revision)
	}
	return nil
}

func (w *writer) putLetter(l *Letter) error {
	switch {
	case l.Record.Position == 0:
		return event.Invalid("position", "is 0; only stored records can be parked")
	case l.Slot < 0 || l.Slot > MaxSlot:
		return event.Invalid("slot", "is %d; slots are 0 to %d", l.Slot, MaxSlot)
	case l.State != Failed && l.State != Waiting:
		return event.Invalid("state", "%q is neither failed nor waiting", l.State)
	}
	value, err := l.encode()
	if err != nil {
		return err
	}
	if len(value) > store.MaxData {
		return event.Invalid("letter", "has %d bytes beside its data, the limit is %d; redrive or discard it", len(value), store.MaxData)
	}
	key := LetterKey(l.Record.Position)
	w.put(Letters(w.name), key, value)
	w.expect(Letters(w.name), key, l.Revision)
	return nil
}

func (w *writer) putData(l *Letter) {
	if l.Record.Data != nil {
		w.put(dataBucket(w.name), dataKey(l.Record.Position, len(l.Edits)), l.Record.Data)
	}
}

func (w *writer) putEntry(l *Letter) {
	w.put(indexBucket(w.name), indexKey(l.Slot, l.Hash, l.Record.Position), encodeEntry(l.State, l.Bytes()))
}
