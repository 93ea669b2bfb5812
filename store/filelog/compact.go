package filelog

import (
	"context"
	"fmt"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// CompactConfig says which segments are worth being written anew; the zero CompactConfig works.
type CompactConfig struct {
	MinGone float64 // share of a segment's bytes that must be gone; default 0.2
	All     bool    // write every segment of which anything is gone
}

// CompactReport is what Compact did.
type CompactReport struct {
	Segments int    `json:"segments"` // that were written anew
	Records  uint64 `json:"records"`  // that were removed
	Items    uint64 `json:"items"`    // writes of items that were removed: a later one took their place
	Before   int64  `json:"before"`   // bytes of those segments
	After    int64  `json:"after"`    // bytes that they have now
	Deferred bool   `json:"deferred"` // the system cannot replace files that are in use: the new ones take their place when the log is opened next
}

// Compact gives back the space of what is gone: records that their streams do not keep (see [store.StreamMeta]), and writes of items
// that later ones have replaced. It writes those full segments anew of which enough is gone, and puts each in place of the old one at
// once, so that a crash leaves either. Writers and readers go on; a reader that began before reads the old file to its end.
//
// Positions, revisions and the sequence of commits stay what they are. The newest record of each stream is kept even when it is gone by
// age, count or number, since it says how the stream goes on; not so that of a stream that was deleted as it is now, which goes on behind
// StreamMeta.Deleted, or tombstoned.
// What was removed cannot come back when a limit is raised, and its ids are forgotten: appending the same events again writes
// them again, and a commit of which only a part was removed is refused as a duplicate.
//
// The newest segment is left alone, as are segments in the archive. Once Compact has returned, what it removed is in no file of the
// folder, except where Deferred says so. An error, or ctx, ends it between segments: those that are done stay done. Another
// maintenance is waited for.
func (l *Log) Compact(ctx context.Context, cfg CompactConfig) (CompactReport, error) {
	report, err := l.compact(ctx, cfg)
	if err == nil {
		err = l.stopped()
	}
	if err != nil {
		return report, fmt.Errorf("compact %s: %w", l.dir, err)
	}
	return report, nil
}

const defaultMinGone = 0.2

func (l *Log) compact(ctx context.Context, cfg CompactConfig) (report CompactReport, err error) {
	if cfg.MinGone < 0 || cfg.MinGone > 1 {
		return report, event.Invalid("min gone", "is %v; use a share from 0 to 1, or 0 for %v", cfg.MinGone, defaultMinGone)
	}
	if cfg.MinGone == 0 {
		cfg.MinGone = defaultMinGone
	}
	done, err := l.tend(ctx)
	if err != nil {
		return report, err
	}
	defer done()
	all, err := l.fullSegments(ctx)
	if err != nil {
		return report, err
	}
	for _, sequence := range all {
		if err := l.usable(ctx); err != nil {
			return report, err
		}
		if err := l.compactSegment(ctx, sequence, &cfg, &report); err != nil {
			return report, err
		}
	}
	return report, nil
}

// compactSegment writes one segment anew if enough of it is gone.
func (l *Log) compactSegment(ctx context.Context, sequence uint64, cfg *CompactConfig, report *CompactReport) error {
	j, err := l.judge()
	if err != nil {
		return err
	}
	defer j.close()
	_, s := j.view.finder.shape.find(sequence)
	if s.archived || !j.mayLack(s) {
		return nil
	}
	c := &compaction{ctx: ctx, log: l, segment: s, judge: j}
	if err := c.open(); err != nil {
		return err
	}
	defer func() { l.noteClosing(c.file.Close()) }()
	if err := c.decide(); err != nil {
		return err
	}
	if share := float64(c.bytes) / float64(s.size); c.bytes == 0 || share < cfg.MinGone && !cfg.All {
		return nil
	}
	after, err := c.replace()
	if err != nil {
		return err
	}
	report.Segments++
	report.Records += c.records
	report.Items += c.items
	report.Before += s.size
	report.After += after
	report.Deferred = l.sys.swapAtOpen
	return nil
}

// judge tells what is gone, as the log stood at one time.
type judge struct {
	view  *view
	items *itemsView
}

// judge takes a snapshot, which must be closed. All that it goes by is on the disk, so that nothing is taken away because of a commit that
// a power cut undoes.
func (l *Log) judge() (*judge, error) {
	v, err := l.view()
	if err != nil {
		return nil, err
	}
	j := &judge{view: v, items: l.lockedItems()}
	if !l.cfg.NoSync {
		return j, nil // what can be seen is on the disk
	}
	if err := v.reader.newest().file.SyncData(); err != nil {
		l.fail(err) // the sequencer's next sync would not tell
		j.close()
		return nil, l.stopped()
	}
	return j, nil
}

func (j *judge) close() {
	j.items.close()
	j.view.close()
}

// mayLack reports whether anything can be gone from a segment. One that became full just now has no run yet: its time will come.
func (j *judge) mayLack(s *segment) bool {
	r := j.view.finder.shape.runOf(s)
	return r != nil && (j.view.kept.any || r.Items() > 0 && j.items != nil)
}

// record reports whether a record may be taken away. Its texts are good only now.
func (j *judge) record(r *event.Record) (bool, error) {
	v := j.view
	if !v.kept.any {
		return false, nil
	}
	if _, known := v.kept.known[r.Stream]; !known {
		r.Stream = string(append([]byte(nil), r.Stream...))
	}
	kept, err := v.keeps(r)
	if kept || err != nil {
		return false, err
	}
	m := v.kept.known[r.Stream].meta
	if m.Tombstone {
		return true, nil
	}
	k := v.hasher.Stream(r.Stream)
	newest := v.finder.shape.revision(&k, v.head)
	return r.Revision < newest || m.Deleted >= newest, nil
}

// item reports whether a write of an item may be taken away. Deletions stay.
func (j *judge) item(w *store.ItemWrite, sequence uint64) (bool, error) {
	if w.Delete || j.items == nil {
		return false, nil
	}
	revision, err := j.items.Revision(w.Bucket, w.Key)
	return revision != sequence, err
}
