package filelog_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

const faultArchive = "archive"

// limit is a commit that lets a stream keep less than before. It is never sent again: what was compacted away does not come back.
func (t *faultTrial) limit() store.Commit {
	stream, st := t.stream(), store.New(t.model, store.Config{})
	m, _, _ := st.StreamMeta(context.Background(), stream)
	revision, _ := st.StreamRevision(context.Background(), stream)
	switch t.random.IntN(9) {
	case 0, 1, 2:
		m.Deleted = max(m.Deleted, revision)
	case 3, 4:
		m.Before = max(m.Before, t.random.Uint64N(revision+2))
	case 5, 6, 7:
		if limit := 1 + t.random.Uint64N(5); m.MaxCount == 0 || limit < m.MaxCount {
			m.MaxCount = limit
		}
	default:
		m.Tombstone = t.random.IntN(3) == 0
	}
	m.Before = max(m.Before, 1) // a commit that leaves no trace could not be told from one that never was
	return store.Commit{Items: []store.ItemWrite{store.PutStreamMeta(stream, m)}}
}

// known reports whether the log must know that it has the commit, if it has it.
func (t *faultTrial) known(c *store.Commit) bool {
	if !t.forgot {
		return true
	}
	for i := range c.Events {
		if !t.has(c.Events[i].ID) {
			return false
		}
	}
	return true
}

func (t *faultTrial) has(id event.ID) bool {
	for range t.model.Read(context.Background(), store.Where(store.Filter{ID: id})) {
		return true
	}
	return false
}

// compact checks that compaction changes no answer, whatever befalls it.
func (t *faultTrial) compact() error {
	cfg := filelog.CompactConfig{All: t.random.IntN(3) > 0}
	t.trace("compact %+v", cfg)
	t.forgot = true
	report, err := t.log.Compact(context.Background(), cfg)
	t.outcome.compacted += report.Segments
	return t.maintained("Compact", err)
}

func (t *faultTrial) trim() error {
	head, _ := t.model.Head(context.Background())
	before := store.Position(t.random.Uint64N(uint64(head) + 2))
	t.trace("trim before %d", before)
	report, err := t.log.Trim(context.Background(), before, faultArchive)
	t.outcome.trimmed += report.Segments
	return t.maintained("Trim", err)
}

// maintained checks that the caller was told of a fault, that the log goes on after it, and that it answers as before. When the process
// is gone, the next one must.
func (t *faultTrial) maintained(what string, err error) error {
	struck := t.disk.takeStruck()
	if t.disk.lastLink && err == nil && !t.disk.gone {
		struck = nil
	}
	if !errors.Is(err, struck) {
		return fmt.Errorf("%v befell %s, and it says: %w", struck, what, err)
	}
	if struck != nil {
		t.outcome.faults++
	}
	if t.disk.gone || errors.Is(err, store.ErrFailed) {
		t.closed, t.disk.armed = false, noFault
		t.log.Close() // as far as it can
		return t.restart(struck)
	}
	t.disk.full = false // somebody made room, or the next commit might meet two faults at once
	armed := t.disk.armed
	t.disk.armed = noFault
	defer func() { t.disk.armed = armed }()
	if err := t.compare(); err != nil {
		return fmt.Errorf("after %s: %w", what, err)
	}
	return nil
}
