package filelog

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"

	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// indexer writes the index of full segments to files, and merges these, beside the writing of the log. It has one goroutine for each of
// the two.
type indexer struct {
	log  *Log
	work sync.WaitGroup
	stop chan struct{} // closed when the log is closed

	mu      sync.Mutex
	changed *sync.Cond
	waiting []*segment // full, with their index in memory
	closed  bool
	merge   chan struct{} // has something when there may be runs to merge

	merging sync.Mutex // held while runs are merged: one after the other
}

// maxWaiting is how many full segments have their index in memory before the writing waits for it.
const maxWaiting = 2

func newIndexer(l *Log) *indexer {
	x := &indexer{log: l, stop: make(chan struct{}), merge: make(chan struct{}, 1)}
	x.changed = sync.NewCond(&x.mu)
	return x
}

func (x *indexer) start() {
	if x.log.sys.inline {
		return
	}
	x.merge <- struct{}{} // an earlier process may have left some
	x.work.Go(x.writeAll)
	x.work.Go(x.mergeAll)
}

// room waits until there is room for another full segment.
func (x *indexer) room() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.waiting) >= maxWaiting && !x.closed && x.log.besides() == nil {
		x.changed.Wait()
	}
	return errors.Join(x.log.stopped(), x.log.besides())
}

// full takes a segment that is full.
func (x *indexer) full(s *segment) error {
	if x.log.sys.inline {
		if err := x.write(s); err != nil {
			return err
		}
		return x.mergeDue()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.waiting = append(x.waiting, s)
	x.changed.Broadcast()
	return nil
}

// wait waits until the segment that begins with a commit has its index in files.
func (x *indexer) wait(ctx context.Context, sequence uint64) error {
	defer context.AfterFunc(ctx, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.changed.Broadcast()
	})()
	x.mu.Lock()
	defer x.mu.Unlock()
	for slices.ContainsFunc(x.waiting, func(s *segment) bool { return s.header.sequence == sequence }) && ctx.Err() == nil {
		x.changed.Wait()
	}
	return ctx.Err()
}

// close waits until all full segments have their index in files.
func (x *indexer) close() {
	x.mu.Lock()
	x.closed = true
	x.changed.Broadcast()
	x.mu.Unlock()
	close(x.stop)
	x.work.Wait()
}

// next waits for a full segment; nil when there is none to come.
func (x *indexer) next() *segment {
	x.mu.Lock()
	defer x.mu.Unlock()
	for len(x.waiting) == 0 && !x.closed {
		x.changed.Wait()
	}
	if len(x.waiting) == 0 {
		return nil
	}
	return x.waiting[0]
}

func (x *indexer) writeAll() {
	for s := x.next(); s != nil; s = x.next() {
		if x.log.stopped() == nil {
			if err := x.write(s); err != nil {
				x.log.fail(err)
			}
		}
		x.mu.Lock()
		x.waiting = x.waiting[1:]
		x.changed.Broadcast()
		x.mu.Unlock()
		select {
		case x.merge <- struct{}{}:
		default:
		}
	}
}

// write puts the index of a full segment, and the items up to its end, on the disk.
func (x *indexer) write(s *segment) error {
	l := x.log
	if err := l.flushItems(); err != nil {
		return err
	}
	l.mu.RLock()
	table := l.shape.tables[0]
	l.mu.RUnlock()
	if err := l.writePlaces(s); err != nil {
		return err
	}
	r, err := l.writeRun(s, table)
	if err != nil {
		return err
	}
	l.mu.Lock()
	next := l.shape.clone()
	next.tables, next.runs = next.tables[1:], append(slices.Clip(next.runs), r)
	old := l.reshape(next)
	l.mu.Unlock()
	l.release(old)
	return nil
}

// writePlaces puts the places of a full segment, which are in memory, into a file.
func (l *Log) writePlaces(s *segment) error {
	held := s.places().(places)
	if err := writePlaces(l.sys.files, l.indexDir(), s, &held); err != nil {
		return err
	}
	mapped, err := openPlaces(l.sys.files, l.indexDir(), s)
	if err == nil {
		s.setPlaces(mapped)
	}
	return err
}

// writeRun writes the run that has the index of a full segment.
func (l *Log) writeRun(s *segment, t *index.Table) (*run, error) {
	r, err := index.WriteTable(l.sys.files, l.indexDir(), t,
		index.Cover{Store: s.header.store, First: s.header.sequence, Next: s.next, Digest: s.chain})
	if err != nil {
		return nil, err
	}
	return &run{Run: r}, nil
}

func (l *Log) indexDir() string { return filepath.Join(l.dir, indexFolder) }

func (x *indexer) mergeAll() {
	for {
		select {
		case <-x.stop:
			return
		case <-x.merge:
		}
		if err := x.mergeDue(); err != nil && !errors.Is(err, errStopped) {
			x.log.fail(err)
		}
	}
}

var errStopped = errors.New("the log is closed")

func (x *indexer) goOn() error {
	select {
	case <-x.stop:
		return errStopped
	default:
		return x.log.watch.goOn(0)
	}
}

// mergeDue merges as long as there are runs to merge.
func (x *indexer) mergeDue() error {
	x.merging.Lock()
	defer x.merging.Unlock()
	l := x.log
	for {
		l.mu.RLock()
		s := l.shape
		s.take()
		l.mu.RUnlock()
		due := mergeable(s.runs)
		err := x.goOn()
		if due != nil && err == nil {
			err = x.mergeRuns(due)
		}
		l.release(s)
		if due == nil || errors.Is(err, index.ErrTooLarge) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// mergeRuns puts one run in the place of several.
func (x *indexer) mergeRuns(due []*run) error {
	l, parts := x.log, []*index.Run{}
	for _, r := range due {
		parts = append(parts, r.Run)
	}
	var merged *index.Run
	err := wrapDamage(index.Try(func() (err error) {
		merged, err = index.Merge(l.sys.files, l.indexDir(), parts, x.goOn)
		return err
	}))
	if err != nil {
		return err
	}
	l.mu.Lock()
	next := l.shape.clone()
	i := slices.Index(next.runs, due[0])
	next.runs = slices.Concat(next.runs[:i], []*run{{Run: merged}}, next.runs[i+len(due):])
	for _, r := range due {
		r.obsolete.Store(true)
	}
	old := l.reshape(next)
	l.mu.Unlock()
	l.release(old)
	return nil
}

// fanIn is how many runs of one level become one of the next.
const fanIn = 4

// maxRun is the size beyond which runs stay apart: about a hundred million events.
const maxRun = 4 << 30

// mergeable returns runs beside each other that should become one, nil when there are none.
func mergeable(runs []*run) []*run {
	n, size := 0, int64(0)
	for i, r := range runs {
		if i > 0 && r.Level() != runs[i-1].Level() {
			n, size = 0, 0
		}
		n, size = n+1, size+r.Size()
		if n < fanIn {
			continue
		}
		if size <= maxRun {
			return runs[i+1-fanIn : i+1]
		}
		n, size = 0, 0 // those after them may still be merged
	}
	return nil
}
