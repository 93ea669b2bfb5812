package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// commit remembers what the receipt for a commit with events said.
type commit struct {
	first, last  store.Position
	itemRevision uint64
}

// Append writes the commit. A commit whose events are those of an earlier one gets that one's receipt.
func (m *Memory) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if err := m.usable(ctx); err != nil {
		return store.Receipt{}, err
	}
	if err := c.Check(); err != nil {
		return store.Receipt{}, err
	}
	metas, err := metaWrites(c.Items)
	if err != nil {
		return store.Receipt{}, err
	}
	c.Events, c.Items = cloneEvents(c.Events), cloneItems(c.Items)

	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return store.Receipt{}, err
	}
	if r, repeated, err := m.repeated(c.Events); repeated || err != nil {
		return r, err
	}
	if err := m.checkTombstones(c.Events, metas); err != nil {
		return store.Receipt{}, err
	}
	for i := range c.Conditions {
		if err := m.check(&c.Conditions[i]); err != nil {
			return store.Receipt{}, err
		}
	}
	return m.write(&c, metas), nil
}

func cloneEvents(events []event.Record) []event.Record {
	own := make([]event.Record, len(events))
	for i := range events {
		own[i] = clone(&events[i])
	}
	return own
}

func cloneItems(items []store.ItemWrite) []store.ItemWrite {
	own := slices.Clone(items)
	for i := range own {
		own[i].Value = bytes.Clone(own[i].Value)
	}
	return own
}

// repeated returns the receipt of the commit that wrote these very events, if there is one. Events of which some are known
// otherwise are a conflict.
func (m *Memory) repeated(events []event.Record) (r store.Receipt, repeated bool, err error) {
	known := slices.IndexFunc(events, func(r event.Record) bool { return m.log.ids[r.ID] > 0 })
	if known < 0 {
		return store.Receipt{}, false, nil
	}
	found := m.log.ids[events[known].ID]
	wrote := m.wrote(found)
	if known == 0 && m.same(events, wrote) {
		r = m.receipt(wrote)
		r.Repeated = true
		return r, true, nil
	}
	id, want := events[known].ID, events[known].Stream
	return store.Receipt{}, false, store.DuplicateError(id, want, m.log.records[found-1].Stream, found)
}

// wrote returns the commit that wrote the record at a position.
func (m *Memory) wrote(p store.Position) commit {
	i, _ := slices.BinarySearchFunc(m.commits, p, func(c commit, p store.Position) int { return cmp.Compare(c.last, p) })
	return m.commits[i]
}

// same reports whether the events are, in order and in the same streams, what the commit wrote.
func (m *Memory) same(events []event.Record, wrote commit) bool {
	written := m.log.records[wrote.first-1 : wrote.last]
	return slices.EqualFunc(events, written, func(a, b event.Record) bool { return a.ID == b.ID && a.Stream == b.Stream })
}

func (m *Memory) check(c *store.Condition) error {
	switch c.Expect {
	case store.ExpectItem:
		return c.ItemConflict(m.items.get(c.Bucket, c.Key).Revision)
	case store.ExpectNone:
		for r := range m.log.find(store.Query{Any: c.Filters, After: c.After, Limit: 1}) {
			return c.MatchConflict(r.Position)
		}
		return nil
	default:
		return c.Conflict(m.log.seen(c.Stream))
	}
}

func (m *Memory) write(c *store.Commit, metas []metaWrite) store.Receipt {
	m.sequence++
	var wrote commit
	if len(c.Items) > 0 {
		wrote.itemRevision = m.sequence
	}
	for _, w := range c.Items {
		m.items.write(w, m.sequence)
	}
	if len(c.Events) > 0 {
		before := m.log.bytes
		wrote.first = m.log.head() + 1
		for _, r := range c.Events {
			m.log.add(r)
		}
		m.rate.Add(time.Now(), uint64(len(c.Events)), m.log.bytes-before)
		wrote.last = m.log.head()
		m.commits = append(m.commits, wrote)
		m.wake()
	}
	for _, w := range metas {
		m.log.rules.set(w.stream, w.meta, m.log.revision(w.stream))
	}
	return m.receipt(wrote)
}

func (m *Memory) receipt(c commit) store.Receipt {
	r := store.Receipt{Durability: store.InMemory, ItemRevision: c.itemRevision}
	if c.first == 0 {
		return r
	}
	r.First, r.Last, r.Revisions = c.first, c.last, map[string]uint64{}
	for _, written := range m.log.records[c.first-1 : c.last] {
		r.Revisions[written.Stream] = written.Revision
	}
	return r
}
