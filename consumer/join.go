package consumer

import (
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// joint is several transactions that may be one commit: none of them would notice that the others are part of it. So no condition of one
// is about what another one writes, and no two write the same item.
type joint struct {
	puts, expects   map[itemName]bool
	appends, guards map[string]bool // streams that are appended to, and that conditions are about
	nones           []store.Condition
	records         []*event.Record

	items, events, bytes int
	members              int
	alone                bool // what is in goes with nothing else
}

type itemName struct{ bucket, key string }

func newJoint() *joint {
	return &joint{
		puts: map[itemName]bool{}, expects: map[itemName]bool{},
		appends: map[string]bool{}, guards: map[string]bool{},
	}
}

// admit takes a transaction in, if it fits. The first one always does.
func (j *joint) admit(f *finished) bool {
	items, events, bytes := f.weight()
	alone := f.tx != nil && f.tx.aboutStreams()
	if j.members > 0 && (alone || j.alone || j.items+items > joinItems || j.events+events > joinEvents || j.bytes+bytes > joinBytes || !j.apart(f.tx)) {
		return false
	}
	j.items, j.events, j.bytes = j.items+items, j.events+events, j.bytes+bytes
	j.members++
	j.alone = alone
	j.add(f.tx)
	return true
}

// apart reports whether a transaction and those that are in do not touch each other.
func (j *joint) apart(tx *txState) bool {
	if tx == nil {
		return true
	}
	for _, w := range tx.items {
		if name := (itemName{w.Bucket, w.Key}); j.puts[name] || j.expects[name] {
			return false
		}
	}
	for i := range tx.events {
		if r := &tx.events[i]; j.guards[r.Stream] || j.excludes(r) {
			return false
		}
	}
	for i := range tx.conditions {
		if !j.allows(&tx.conditions[i]) {
			return false
		}
	}
	return true
}

// aboutStreams reports whether the transaction changes what streams keep.
func (s *txState) aboutStreams() bool {
	return slices.ContainsFunc(s.items, func(w store.ItemWrite) bool { return w.Bucket == store.StreamBucket })
}

// excludes reports whether a condition says that there is no such record.
func (j *joint) excludes(r *event.Record) bool {
	for _, c := range j.nones {
		if store.MatchAny(c.Filters, r) {
			return true
		}
	}
	return false
}

// allows reports whether nothing that is written is what a condition is about.
func (j *joint) allows(c *store.Condition) bool {
	switch c.Expect {
	case store.ExpectItem:
		return !j.puts[itemName{c.Bucket, c.Key}]
	case store.ExpectNone:
		return !slices.ContainsFunc(j.records, func(r *event.Record) bool { return store.MatchAny(c.Filters, r) })
	default:
		return !j.appends[c.Stream]
	}
}

func (j *joint) add(tx *txState) {
	if tx == nil {
		return
	}
	for _, w := range tx.items {
		j.puts[itemName{w.Bucket, w.Key}] = true
	}
	for i := range tx.events {
		j.appends[tx.events[i].Stream] = true
		j.records = append(j.records, &tx.events[i])
	}
	for _, c := range tx.conditions {
		switch c.Expect {
		case store.ExpectItem:
			j.expects[itemName{c.Bucket, c.Key}] = true
		case store.ExpectNone:
			j.nones = append(j.nones, c)
		default:
			j.guards[c.Stream] = true
		}
	}
}
