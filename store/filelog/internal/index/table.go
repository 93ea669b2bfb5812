package index

import (
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/oxbow-events/oxbow/event"
)

// Table is the index of the newest records, in memory. One goroutine adds; all methods may be called at the same time. Lists only
// grow, so that what stands after some position can be left out by whoever may not know of it yet.
type Table struct {
	hasher Hasher
	base   event.Position // of the record before its first

	mu       sync.RWMutex
	count    uint32
	cells    []cell // a hash table with linear probing; its size is a power of two
	used     int
	links    [][]link
	linked   uint32
	streams  map[string]*stream
	types    map[string]*list
	names    []string // of the streams, in the order they came
	begun    []uint32 // where streams begin that there were none of before
	earliest uint64   // time of the first UUIDv7 among the ids
	latest   uint64
	items    uint64            // written, counted by the log
	gone     map[string]uint64 // types of records that are gone, and how many had them; nil when there are none

	sorting sync.Mutex
	sorted  []string // the first of the names, in order
}

// list is a chain of links, newest first. last is one more than the number of the newest link.
type list struct{ last, count uint32 }

type stream struct {
	list
	before     uint64 // its revision before the table, and how many of its records in it are gone
	begins     bool   // it is in no table or run before
	hash, mark uint64
}

type cell struct {
	hash uint64
	list
}

// link is a record's difference to the base, and the one before it in its chain.
type link struct{ rel, prev uint32 }

const linksInChunk = 1 << 13

// NewTable returns an empty table for the records after base.
func NewTable(h Hasher, base event.Position) *Table {
	return &Table{hasher: h, base: base, cells: make([]cell, 1<<10), streams: map[string]*stream{}, types: map[string]*list{}}
}

// Event is what the index keeps of a record.
type Event struct {
	ID          event.ID
	Stream      string
	Type        string
	Correlation event.ID
	Tags        []string
}

// Base returns the position before the first.
func (t *Table) Base() event.Position { return t.base }

// End returns the last position.
func (t *Table) End() event.Position {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.base + event.Position(t.count)
}

// Knows reports whether the stream is in the table.
func (t *Table) Knows(stream string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.streams[stream] != nil
}

// Add takes the record after the last one and returns its revision. before is the revision that the stream has without the table;
// it counts only when the stream is not in it yet.
func (t *Table) Add(e *Event, before uint64) (revision uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count++
	s := t.streams[e.Stream]
	if s == nil {
		name := strings.Clone(e.Stream)
		k := t.hasher.Stream(name)
		s = &stream{before: before, begins: before == 0, hash: k.hash, mark: k.mark}
		if before == 0 {
			t.begun = append(t.begun, t.count)
		}
		t.streams[name] = s
		t.names = append(t.names, name)
	}
	t.push(&s.list)
	kind := t.types[e.Type]
	if kind == nil {
		kind = &list{}
		t.types[strings.Clone(e.Type)] = kind
	}
	t.push(kind)
	t.addID(e.ID)
	if !e.Correlation.IsZero() && e.Correlation != e.ID {
		t.push(t.cell(t.hasher.ofID(ByCorrelation, e.Correlation)))
	}
	for i, tag := range e.Tags {
		if !slices.Contains(e.Tags[:i], tag) {
			t.push(t.cell(t.hasher.hashOf(ByTag, tag)))
		}
	}
	return s.before + uint64(s.count)
}

// Skip takes so many records after the last one, of which nothing is known but their types: they are gone.
func (t *Table) Skip(n uint32, types map[string]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count += n
	if t.gone == nil {
		t.gone = map[string]uint64{}
	}
	for name, n := range types {
		t.gone[name] += n
	}
}

// Raise adds to the revision of a stream that is in the table: so many of its records before the newest are gone. Which ones is not
// kept, so that records before them count as if they came as much later; whoever reads them finds out.
func (t *Table) Raise(stream string, n uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.streams[stream].before += n
}

func (t *Table) addID(id event.ID) {
	t.push(t.cell(t.hasher.ofID(ByID, id)))
	time := timeOf(id)
	if time == 0 {
		return
	}
	t.latest = max(t.latest, time)
	if t.earliest == 0 || time < t.earliest {
		t.earliest = time
	}
}

// push adds the newest record to a list, once.
func (t *Table) push(l *list) {
	if l.last > 0 && t.link(l.last).rel == t.count {
		return // two keys with one hash
	}
	chunk := int(t.linked / linksInChunk)
	if chunk == len(t.links) {
		t.links = append(t.links, make([]link, linksInChunk))
	}
	t.links[chunk][t.linked%linksInChunk] = link{rel: t.count, prev: l.last}
	t.linked++
	l.last = t.linked
	l.count++
}

func (t *Table) link(number uint32) link {
	return t.links[(number-1)/linksInChunk][(number-1)%linksInChunk]
}

// cell returns the list of a hash, a new one if need be.
func (t *Table) cell(hash uint64) *list {
	if 4*(t.used+1) > 3*len(t.cells) {
		t.grow()
	}
	c := seek(t.cells, hash)
	if c.last == 0 {
		c.hash = hash
		t.used++
	}
	return &c.list
}

// seek returns the cell that has the hash, or the empty one where it belongs.
func seek(cells []cell, hash uint64) *cell {
	mask := uint64(len(cells) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		if c := &cells[i]; c.last == 0 || c.hash == hash {
			return c
		}
	}
}

func (t *Table) grow() {
	cells := make([]cell, 2*len(t.cells))
	for i := range t.cells {
		if c := &t.cells[i]; c.last > 0 {
			*seek(cells, c.hash) = *c
		}
	}
	t.cells = cells
}

// has reports whether the table may know the id.
func (t *Table) has(k *Key) bool { return k.time == 0 || k.time >= t.earliest && k.time <= t.latest }

// find returns the list of a key.
func (t *Table) find(k *Key) (l list, ok bool) {
	switch k.kind {
	case ByStream:
		if s := t.streams[k.name]; s != nil {
			return s.list, true
		}
	case ByType:
		if kind := t.types[k.name]; kind != nil {
			return *kind, true
		}
	default:
		if k.kind == ByID && !t.has(k) {
			return list{}, false
		}
		c := seek(t.cells, k.hash)
		return c.list, c.last > 0
	}
	return list{}, false
}

// Count returns how many records have the key.
func (t *Table) Count(k *Key) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	l, _ := t.find(k)
	return int(l.count)
}

// Postings returns the positions from from to to of the records that have the key.
func (t *Table) Postings(k *Key, from, to event.Position) Postings {
	t.mu.RLock()
	defer t.mu.RUnlock()
	l, ok := t.find(k)
	if !ok {
		return Postings{}
	}
	own := t.collect(nil, l, from, to)
	return of(span{base: t.base, own: own, n: len(own)})
}

// collect appends the positions of a list from from to to, as differences to the base.
func (t *Table) collect(own []uint32, l list, from, to event.Position) []uint32 {
	begin := len(own)
	for number := l.last; number > 0; {
		at := t.link(number)
		p := t.base + event.Position(at.rel)
		if p < from {
			break
		}
		if p <= to {
			own = append(own, at.rel)
		}
		number = at.prev
	}
	slices.Reverse(own[begin:])
	return own
}

// After returns the positions from from to to of a stream's records after a revision.
func (t *Table) After(k *Key, revision uint64, from, to event.Position) (later Postings) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.streams[k.name]
	if s == nil || s.before+uint64(s.count) <= revision {
		return Postings{}
	}
	if s.before >= revision {
		own := t.collect(nil, s.list, from, to)
		return of(span{base: t.base, own: own, n: len(own)})
	}
	own := t.collect(nil, s.list, 0, to)
	own = own[min(int(revision-s.before), len(own)):]
	later = of(span{base: t.base, own: own, n: len(own)})
	return later.From(from)
}

// Stream returns what the table has of a stream: its revision before, and how many records of it stand up to the position.
func (t *Table) Stream(k *Key, to event.Position) (before uint64, count int, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := t.streams[k.name]
	if s == nil {
		return 0, 0, false
	}
	count = int(s.count)
	for number := s.last; number > 0 && t.base+event.Position(t.link(number).rel) > to; number = t.link(number).prev {
		count--
	}
	return s.before, count, true
}

// Begun returns how many streams begin in the table, up to the position.
func (t *Table) Begun(to event.Position) uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return uint64(sort.Search(len(t.begun), func(i int) bool { return t.base+event.Position(t.begun[i]) > to }))
}

// Types returns how many records of each type stand up to the position.
func (t *Table) Types(to event.Position, count func(name string, n uint64)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for name, l := range t.types {
		n := uint64(l.count)
		for number := l.last; number > 0 && t.base+event.Position(t.link(number).rel) > to; number = t.link(number).prev {
			n--
		}
		if n > 0 {
			count(name, n)
		}
	}
	for name, n := range t.gone {
		count(name, n)
	}
}

// Names returns the names of the streams that begin so, in order. Those that came since it was last called are sorted in now, which
// holds up nobody who adds.
func (t *Table) Names(prefix string) []string {
	sorted := t.allNames()
	from := sort.SearchStrings(sorted, prefix)
	to := from + sort.Search(len(sorted)-from, func(i int) bool { return !strings.HasPrefix(sorted[from+i], prefix) })
	return sorted[from:to]
}

func (t *Table) allNames() []string {
	t.sorting.Lock()
	defer t.sorting.Unlock()
	t.mu.RLock()
	names := t.names // what is in it never changes
	t.mu.RUnlock()
	if len(t.sorted) < len(names) {
		fresh := slices.Clone(names[len(t.sorted):])
		slices.Sort(fresh)
		t.sorted = mergeNames(t.sorted, fresh)
	}
	return t.sorted
}

func mergeNames(a, b []string) []string {
	all := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			all, a = append(all, a[0]), a[1:]
		} else {
			all, b = append(all, b[0]), b[1:]
		}
	}
	return append(append(all, a...), b...)
}

// CountItems notes that so many items were written.
func (t *Table) CountItems(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.items += uint64(n)
}

// Items returns how many items were written.
func (t *Table) Items() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.items
}

// typeNames returns the types in order of name.
func (t *Table) typeNames() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(t.types)), maps.Keys(t.gone))
	slices.Sort(names)
	return slices.Compact(names)
}
