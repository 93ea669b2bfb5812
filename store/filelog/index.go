package filelog

import (
	"cmp"
	"slices"
	"strings"

	"github.com/google/btree"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// index knows where records are and which of them share something. The sequencer alone changes it, under the log's lock; others
// read it under the lock. It runs ahead of what may be seen: readers leave out positions after the visible head. Lists only grow,
// and what is in them never changes, so that whoever took one under the lock may read it without.
type index struct {
	places       places
	ids          map[event.ID]store.Position
	streams      map[string]*stream
	names        *btree.BTreeG[*stream] // the streams in order of name
	types        map[string]*positions
	tags         map[string]*positions
	correlations map[event.ID]*positions
	commits      []commitRef // those with events, in order
	head         store.Position
	sequence     uint64 // of the newest commit
}

type positions []store.Position

// list returns what there is; at may be nil.
func (at *positions) list() positions {
	if at == nil {
		return nil
	}
	return *at
}

// stream is the positions of one stream's records: the one at revision r is at[r-1].
type stream struct {
	name string
	at   positions
}

func (s *stream) revision() uint64 {
	if s == nil {
		return 0
	}
	return uint64(len(s.at))
}

// commitRef remembers a commit with events; its last event stands before the first of the next.
type commitRef struct {
	first    store.Position
	sequence uint64
	items    bool
}

// known is what the index keeps of an event.
type known struct {
	id          event.ID
	stream      string
	kind        string // its type
	correlation event.ID
	tags        []string
}

func newIndex() *index {
	return &index{
		ids:          map[event.ID]store.Position{},
		streams:      map[string]*stream{},
		names:        btree.NewG(32, func(a, b *stream) bool { return a.name < b.name }),
		types:        map[string]*positions{},
		tags:         map[string]*positions{},
		correlations: map[event.ID]*positions{},
	}
}

// beginCommit counts a commit, before its events are added.
func (x *index) beginCommit(events, items int) {
	x.sequence++
	if events > 0 {
		x.commits = append(x.commits, commitRef{first: x.head + 1, sequence: x.sequence, items: items > 0})
	}
}

// add takes an event as the newest and returns its revision.
func (x *index) add(e *known, at place) (revision uint64) {
	x.head++
	s := x.streams[e.stream]
	if s == nil {
		s = &stream{name: strings.Clone(e.stream)}
		x.streams[s.name] = s
		x.names.ReplaceOrInsert(s)
	}
	s.at = append(s.at, x.head)
	at.stream = s
	x.places.add(at)
	x.ids[e.id] = x.head
	post(x.types, e.kind, x.head)
	for _, tag := range e.tags {
		post(x.tags, tag, x.head)
	}
	if !e.correlation.IsZero() {
		list := x.correlations[e.correlation]
		if list == nil {
			list = &positions{}
			x.correlations[e.correlation] = list
		}
		*list = append(*list, x.head)
	}
	return s.revision()
}

func post(lists map[string]*positions, name string, p store.Position) {
	list := lists[name]
	if list == nil {
		list = &positions{}
		lists[strings.Clone(name)] = list
	}
	if n := len(*list); n > 0 && (*list)[n-1] == p {
		return // the event has the tag twice
	}
	*list = append(*list, p)
}

// wrote returns the commit that wrote the event at p, and its last position.
func (x *index) wrote(p store.Position) (c commitRef, last store.Position) {
	i, _ := slices.BinarySearchFunc(x.commits, p+1, func(c commitRef, p store.Position) int { return cmp.Compare(c.first, p) })
	if i < len(x.commits) {
		return x.commits[i-1], x.commits[i].first - 1
	}
	return x.commits[i-1], x.head
}

// revisionAt returns the revision of the record at p.
func (x *index) revisionAt(p store.Position) uint64 {
	i, _ := slices.BinarySearch(x.places.at(p).stream.at, p)
	return uint64(i) + 1
}

// upTo returns how many of the positions are not after p.
func (at positions) upTo(p store.Position) int {
	i, _ := slices.BinarySearch(at, p+1)
	return i
}

func (at positions) contains(p store.Position) bool {
	_, ok := slices.BinarySearch(at, p)
	return ok
}
