package topic

import "sync/atomic"

// entry is one addition to a Set. The entries of one key are a chain, newest first.
type entry[V any] struct {
	pattern Pattern
	value   V
	added   uint64 // grows with each addition to the set
	older   atomic.Pointer[entry[V]]
	newer   *entry[V] // the writer's; of a removed entry: the entry itself
}

func (e *entry[V]) removed() bool { return e.newer == e }

// table is a hash table from keys to chains of entries, for one writer and any number of readers that do not wait.
// Different patterns may have the same key.
//
// A slot is never given another key, so a reader cannot come upon a chain that it did not look for. What stays
// behind when chains end goes when the table is built anew.
type table[V any] struct {
	slots atomic.Pointer[slots[V]] // nil while the table is empty
	used  int                      // slots with a key
	live  int                      // slots with a chain
}

func (t *table[V]) add(key uint32, e *entry[V]) {
	slots := t.room()
	i, known := slots.find(key)
	older := slots.chains[i].Load()
	if older == nil {
		t.live++
	} else {
		if older.pattern == e.pattern {
			e.pattern = older.pattern // share the text's memory
		}
		e.older.Store(older)
		older.newer = e
	}
	if known {
		slots.chains[i].Store(e)
		return
	}
	slots.put(i, key, e)
	t.used++
}

// remove takes e out of its chain. A reader that stands on e still gets to all older entries.
func (t *table[V]) remove(key uint32, e *entry[V]) {
	older, newer := e.older.Load(), e.newer
	e.newer = e
	if older != nil {
		older.newer = newer
	}
	if newer != nil {
		newer.older.Store(older)
		return
	}
	slots := t.slots.Load()
	i, _ := slots.find(key)
	slots.chains[i].Store(older)
	if older == nil {
		t.live--
		t.shrink()
	}
}

// room returns slots that have place for one key more.
func (t *table[V]) room() *slots[V] {
	if slots := t.slots.Load(); slots != nil && t.used < len(slots.chains)/8*7 {
		return slots
	}
	return t.rebuild(t.live + 1)
}

// shrink gives memory back when most of it lies idle.
func (t *table[V]) shrink() {
	if t.live == 0 {
		t.slots.Store(nil)
		return
	}
	if size := len(t.slots.Load().chains); size > perGroup && t.live < size/8 {
		t.rebuild(t.live)
	}
}

// rebuild moves all chains into new slots, at least twice as many as keys.
func (t *table[V]) rebuild(keys int) *slots[V] {
	groups := 1
	for groups*perGroup < 2*keys {
		groups *= 2
	}
	rebuilt := newSlots[V](groups)
	if old := t.slots.Load(); old != nil {
		for i := range old.chains {
			if newest := old.chains[i].Load(); newest != nil {
				key := old.keys[i].Load()
				place, _ := rebuilt.find(key)
				rebuilt.put(place, key, newest)
			}
		}
	}
	t.slots.Store(rebuilt)
	t.used = t.live
	return rebuilt
}
