package filelog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rate"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

var (
	_ store.Driver       = (*Log)(nil)
	_ store.StreamLister = (*Log)(nil)
	_ store.Statistician = (*Log)(nil)
	_ store.Exclusive    = (*Log)(nil)
)

// Log is a [store.Driver], a [store.StreamLister], a [store.Statistician] and [store.Exclusive] over a folder. Open one.
type Log struct {
	opened    event.ID
	dir       string
	cfg       Config
	sys       system
	id        [16]byte // of the store
	hasher    index.Hasher
	unlock    func() error
	queue     queue
	recovery  Recovery
	reindex   bool // make the index anew
	newItems  bool // and the items, if the log has all that they were made from
	watch     *watch
	closed    atomic.Bool
	closing   chan struct{}  // closed by Close, after closed is set
	tending   sync.WaitGroup // work beside the writing that Close waits for
	turn      chan struct{}  // has something while somebody needs the files as they are, or replaces them
	sequencer sequencer
	sequenced chan struct{} // closed when the sequencer has ended
	indexer   *indexer
	beside    atomic.Pointer[error] // what failed beside the writing

	close    sync.Once
	closeErr error

	mu       sync.RWMutex
	shape    *shape
	places   places // of the newest segment
	items    *heldItems
	visible  shown
	rate     rate.Minute   // of events, and of their bytes
	failed   error         // why nothing can be written any more
	grown    chan struct{} // closed when there is something newer, or nothing to come; nil while nobody waits
	damage   damage
	unclosed error // of a file that could not be closed
}

// shown is what readers may know of.
type shown struct {
	head     store.Position
	sequence uint64 // of the newest commit
	tail     int64  // bytes of the newest segment
}

// Open opens the log in the folder, which it creates if need be. A tail that a crash left half-written is cut off; see
// [Log.Recovery]. An index or items that are lost are made again, which takes time for all of the log. An error answers to
// store.ErrInUse when another process, or this one, has the folder open ([*InUseError] says who), and to store.ErrDamaged when bytes
// that were acknowledged are not what was written ([*DamageError] says where).
func Open(dir string, cfg Config) (*Log, error) {
	return open(dir, cfg, realSystem())
}

func open(dir string, cfg Config, sys system) (*Log, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	reindex, newItems := false, false
	for {
		l := newLog(dir, cfg, sys)
		l.reindex, l.newItems = reindex, newItems
		err := l.start()
		if err == nil {
			return l, nil
		}
		switch { // what index and items are made from is whole
		case l.damagedItems(err) && !newItems:
			newItems = true
		case l.damagedIndex(err) && !reindex:
			reindex = true
		default:
			return nil, fmt.Errorf("open %s: %w", dir, err)
		}
	}
}

func (l *Log) damagedIndex(err error) bool {
	var d *DamageError
	return errors.As(err, &d) && d.Index
}

func (l *Log) damagedItems(err error) bool {
	var d *DamageError
	return errors.As(err, &d) && d.Index && d.File == l.itemsDir()
}

func newLog(dir string, cfg Config, sys system) *Log {
	l := &Log{
		opened: event.NewID(), dir: dir, cfg: cfg, sys: sys,
		queue:   newQueue(),
		closing: make(chan struct{}), sequenced: make(chan struct{}), turn: make(chan struct{}, 1),
		shape: &shape{},
	}
	l.shape.take()
	l.indexer = newIndexer(l)
	return l
}

func (l *Log) logDir() string { return filepath.Join(l.dir, logFolder) }

func (l *Log) start() error {
	if err := l.ready(); err != nil {
		return err
	}
	l.indexer.start()
	if !l.cfg.NoScrub && !l.sys.inline {
		l.tending.Go(l.scrubAlways)
	}
	go l.sequence()
	return nil
}

// ready makes all ready for the log's goroutines.
func (l *Log) ready() (err error) {
	if err = disk.MakeDir(l.sys.files, l.dir); err != nil {
		return err
	}
	if l.unlock, err = l.sys.lock(l.dir, l.cfg.Holder); err != nil {
		return err
	}
	err = unfinished(l.sys.files, l.dir)
	if err == nil {
		err = disk.MakeDir(l.sys.files, l.logDir())
	}
	if err == nil {
		err = disk.MakeDir(l.sys.files, l.indexDir())
	}
	if err == nil {
		err = l.finishDiscarding()
	}
	if err == nil {
		err = l.discard()
	}
	if err == nil {
		err = l.recover()
	}
	if err != nil {
		return errors.Join(err, l.letGoOfAll())
	}
	return nil
}

// letGoOfAll lets go of all files that nobody reads, and of the folder.
func (l *Log) letGoOfAll() error {
	l.mu.Lock()
	s, items := l.shape, l.items
	l.items, l.shape = nil, nil
	l.mu.Unlock()
	l.release(l.sequencer.shape)
	l.release(s)
	l.letGo(items)
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.unclosed, l.unlock())
}

// Opened returns an id that each opening of the folder makes anew. One process at a time has it open.
func (l *Log) Opened() event.ID { return l.opened }

// usable returns why a call must end now: the log is closed, or ctx is done.
func (l *Log) usable(ctx context.Context) error {
	if l.closed.Load() {
		return store.ErrClosed
	}
	return ctx.Err()
}

// Head returns the position of the newest readable record, 0 when there is none.
func (l *Log) Head(ctx context.Context) (store.Position, error) {
	if err := l.usable(ctx); err != nil {
		return 0, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.visible.head, nil
}

// Wait returns the head as soon as it is after the given position. When the log has failed and there is nothing newer, it returns
// an error that answers to store.ErrFailed: nothing will come any more.
func (l *Log) Wait(ctx context.Context, after store.Position) (store.Position, error) {
	for {
		if err := l.usable(ctx); err != nil {
			return 0, err
		}
		head, grown, err := l.headOrGrown(after)
		if err != nil || head > after {
			return head, err
		}
		select {
		case <-grown:
		case <-ctx.Done():
		case <-l.closing:
		}
	}
}

// headOrGrown returns the head and, when it is not after the position, what is closed once that may have changed.
func (l *Log) headOrGrown(after store.Position) (store.Position, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.visible.head > after {
		return l.visible.head, nil, nil
	}
	if l.failed != nil {
		return 0, nil, l.failed
	}
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	return l.visible.head, l.grown, nil
}

// wake ends every Wait. The caller holds the lock.
func (l *Log) wake() {
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// Close ends calls under way with store.ErrClosed, except for the batch that is being written, writes what is needed to open the log
// again quickly, notes in the log that it was closed in order, and lets go of the folder.
func (l *Log) Close() error {
	l.close.Do(func() {
		l.mu.Lock()
		l.closed.Store(true)
		close(l.closing)
		l.mu.Unlock()
		l.queue.close()
		<-l.sequenced
		l.sequencer.turn.Lock() // a writer may still lead; none will, now that the queue is closed
		defer l.sequencer.turn.Unlock()
		l.tending.Wait()
		l.indexer.close()
		err := l.finish()
		if err = errors.Join(err, l.letGoOfAll()); err != nil {
			l.closeErr = fmt.Errorf("close %s: %w", l.dir, err)
		}
	})
	return l.closeErr
}

// finish puts all on the disk. Nobody writes any more.
func (l *Log) finish() error {
	if l.stopped() != nil {
		return nil
	}
	if err := l.sequencer.finish(); err != nil {
		return err
	}
	if err := l.markItems(l.sequencer.sequence); err != nil {
		return err
	}
	return l.flushItems()
}
