package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// someAge takes what the model calls old, and leaves what it calls young, however long the test takes.
const someAge = 500 * time.Hour

// rule takes over metadata.
func (m *model) rule(t *trial, w store.ItemWrite) {
	t.Helper()
	if w.Bucket != store.StreamBucket {
		return
	}
	delete(m.metas, w.Key)
	if w.Delete {
		return
	}
	meta, err := store.ParseStreamMeta(w.Value)
	if err != nil {
		t.Fatal(err)
	}
	m.metas[w.Key] = meta
}

// keeps says in its own words what is left of a stream.
func (m *model) keeps(r *event.Record) bool {
	meta, younger := m.metas[r.Stream], m.revisions[r.Stream]-r.Revision
	switch {
	case meta.Tombstone, r.Revision <= meta.Deleted, r.Revision < meta.Before:
		return false
	case meta.MaxCount > 0 && younger >= meta.MaxCount:
		return false
	default:
		return meta.MaxAge == 0 || !r.Time.Equal(m.old)
	}
}

// kept returns the records that are not gone.
func (m *model) kept() (left []event.Record) {
	for i := range m.records {
		if m.keeps(&m.records[i]) {
			left = append(left, m.records[i])
		}
	}
	return left
}

// seen returns the revision that conditions see.
func (m *model) seen(stream string) uint64 {
	if meta := m.metas[stream]; meta.Tombstone || m.revisions[stream] <= meta.Deleted {
		return 0
	}
	return m.revisions[stream]
}

// entombed reports whether the commit has to do with a stream that is gone for good.
func (m *model) entombed(c store.Commit) bool {
	event := func(r event.Record) bool { return m.metas[r.Stream].Tombstone }
	item := func(w store.ItemWrite) bool { return w.Bucket == store.StreamBucket && m.metas[w.Key].Tombstone }
	return slices.ContainsFunc(c.Events, event) || slices.ContainsFunc(c.Items, item)
}

// streams returns those that exist.
func (m *model) streams() (infos []store.StreamInfo) {
	left := map[string]store.StreamInfo{}
	for _, info := range streamsOf(m.kept()) {
		left[info.Name] = info
	}
	for name := range m.revisions {
		if revision := m.seen(name); revision > 0 {
			infos = append(infos, store.StreamInfo{Name: name, Revision: revision, First: left[name].First, Last: left[name].Last})
		}
	}
	slices.SortFunc(infos, func(a, b store.StreamInfo) int { return cmp.Compare(a.Name, b.Name) })
	return infos
}

// ask compares random queries with a walk over what is left.
func (m *model) ask(t *trial, rng *rand.Rand) {
	t.Helper()
	if len(m.records) == 0 {
		return
	}
	q := randomQuery(rng, m.records)
	t.sameRecords(t.read(q), walk(m.kept(), q), fmt.Sprintf("%+v, with the metadata %+v", q, m.metas))
}

// inventRecord makes a record that is young or old.
func (m *model) inventRecord(rng *rand.Rand) event.Record {
	r := randomRecord(rng, m.records)
	r.Time = pick(rng, []time.Time{m.young, m.young, m.old})
	if rng.IntN(8) == 0 {
		r.Stream = mortal(rng)
	}
	return r
}

// mortal names one of many streams that may be tombstoned, so that others live on.
func mortal(rng *rand.Rand) string { return fmt.Sprintf("mortal-%d", rng.IntN(20)) }

// inventMeta limits a stream, deletes it, ends that, or tombstones it.
func (m *model) inventMeta(rng *rand.Rand) store.ItemWrite {
	stream := pick(rng, someStreams)
	meta, newest := m.metas[stream], m.revisions[stream]
	switch rng.IntN(7) {
	case 0:
		meta.MaxCount = uint64(rng.IntN(6))
	case 1:
		meta.MaxAge = pick(rng, []time.Duration{0, someAge})
	case 2:
		meta.Before = newest - min(newest, uint64(rng.IntN(8)))
	case 3:
		meta.Deleted = max(meta.Deleted, newest)
	case 4:
		meta = store.StreamMeta{}
	case 5:
		stream, meta = mortal(rng), store.StreamMeta{Tombstone: true}
	case 6:
		meta = store.StreamMeta{Deleted: meta.Deleted}
	}
	return store.PutStreamMeta(stream, meta)
}
