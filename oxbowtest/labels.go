package oxbowtest

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/oxbow-events/oxbow/event"
)

// labels name the events of a trial so that they are found again in another one, where ids and positions differ: those of the history by
// their number, the others by what caused them.
type labels struct {
	mu       sync.Mutex
	byID     map[event.ID]string
	records  map[string]event.Record
	next     map[string]int // how many there are of one type with one cause
	ordinals map[string]int // in which order they came about; those that happen in one step come before what they cause
	came     int
}

// labelOf names an event of the history, counted from 0.
func labelOf(i int) string { return fmt.Sprintf("#%d", i+1) }

// rootOf names what of the history led to an event.
func rootOf(label string) string {
	root, _, _ := strings.Cut(label, "/")
	return root
}

// stepOf returns the number in the history, counted from 0, of what led to an event; -1 when that is not known.
func stepOf(label string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(rootOf(label), "#"))
	if err != nil {
		return -1
	}
	return n - 1
}

func newLabels(history []event.Record) *labels {
	l := &labels{byID: map[event.ID]string{}, records: map[string]event.Record{}, next: map[string]int{}, ordinals: map[string]int{}}
	for i, r := range history {
		label := labelOf(i)
		l.byID[r.ID], l.records[label] = label, r
	}
	return l
}

// happen notes that events of the history, counted from 0, are about to be stored.
func (l *labels) happen(from, to int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.came = 0
	for i := from; i < to; i++ {
		l.come(labelOf(i))
	}
}

func (l *labels) come(label string) {
	l.came++
	l.ordinals[label] = l.came
}

// add names records that are about to be appended. undo takes that back.
func (l *labels) add(records []event.Record) (undo func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var added []event.ID
	for _, r := range records {
		if _, known := l.byID[r.ID]; known {
			continue
		}
		kind := l.kindOf(&r)
		l.next[kind]++
		label := fmt.Sprintf("%s#%d", kind, l.next[kind])
		l.byID[r.ID], l.records[label] = label, r
		l.come(label)
		added = append(added, r.ID)
	}
	return func() { l.remove(added) }
}

func (l *labels) kindOf(r *event.Record) string {
	cause, ok := l.byID[r.CausationID]
	if !ok {
		cause = "?"
	}
	return cause + "/" + r.Type
}

func (l *labels) remove(ids []event.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		label := l.byID[id]
		r := l.records[label]
		l.next[l.kindOf(&r)]--
		delete(l.byID, id)
		delete(l.records, label)
	}
}

// of returns an event's label.
func (l *labels) of(id event.ID) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if label, ok := l.byID[id]; ok {
		return label
	}
	return "?" + id.String()
}

func (l *labels) ordinal(label string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ordinals[label]
}

// place tells which event a label is for.
func (l *labels) place(label string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.records[label]
	if !ok {
		return "an unknown event"
	}
	if r.Position > 0 {
		return fmt.Sprintf("%s (position %d, stream %q, id %v)", r.Type, r.Position, r.Stream, r.ID)
	}
	cause, ok := l.records[l.byID[r.CausationID]]
	if !ok {
		return fmt.Sprintf("%s (appended by a handler, stream %q)", r.Type, r.Stream)
	}
	if cause.Position > 0 {
		return fmt.Sprintf("%s (stream %q, caused by %s at position %d)", r.Type, r.Stream, cause.Type, cause.Position)
	}
	return fmt.Sprintf("%s (stream %q, caused by %s)", r.Type, r.Stream, cause.Type)
}

// short is place in few words.
func (l *labels) short(label string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.records[label]
	switch {
	case !ok:
		return "unknown"
	case r.Position > 0:
		return fmt.Sprintf("%s at position %d", r.Type, r.Position)
	}
	return fmt.Sprintf("%s in %q", r.Type, r.Stream)
}

// cause returns the label of what caused an event, "" when it is not known.
func (l *labels) cause(r *event.Record) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byID[r.CausationID]
}

// record returns the event with a label.
func (l *labels) record(label string) (event.Record, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.records[label]
	return r, ok
}
