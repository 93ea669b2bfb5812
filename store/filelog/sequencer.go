package filelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
	"github.com/oxbow-events/oxbow/store/filelog/internal/items"
)

// sequencer decides and writes commits, one batch after the other. All of it belongs to whoever has the turn, who alone changes what
// the log shows, under the log's lock. That is the goroutine of the sequencer, or, when nothing is synced, a writer who leads: it spares
// the switch to that goroutine and back. A writer who waits for the disk must be able to go when its context ends, so it never leads.
type sequencer struct {
	turn     sync.Mutex
	log      *Log
	tail     *tail
	head     store.Position // with the batch so far
	sequence uint64         // of the newest commit, with the batch so far
	shape    *shape         // the log's, held on to
	table    *index.Table   // of the newest segment
	buf      []byte         // the frames of the batch
	staging  []stagedEvent
	staged   map[itemID]uint64           // items that the batch writes, with their new revisions; 0 for deleted
	metas    map[string]store.StreamMeta // of streams that the batch writes
	reading  reader
	alone    [1]*request // the batch of a writer who leads
}

type itemID struct{ bucket, key string }

func (l *Log) sequence() {
	defer close(l.sequenced)
	s := &l.sequencer
	var batch []*request
	for {
		batch = l.queue.take(batch[:0], s.idle)
		if len(batch) == 0 {
			return
		}
		s.turn.Lock()
		s.settle(batch)
		s.turn.Unlock()
		clear(batch)
		runtime.Gosched() // lets those just answered come back first, so that they share the next sync
	}
}

// lead has the calling writer bring its own request to its outcome. It reports false when somebody else has the turn or waits for it,
// and when the segment is full: beginning another one takes time.
func (s *sequencer) lead(r *request) bool {
	if !s.log.cfg.NoSync || !s.turn.TryLock() {
		return false
	}
	defer s.turn.Unlock()
	s.alone[0] = r
	defer clear(s.alone[:])
	if !s.log.queue.empty() || s.full(s.alone[:]) {
		return false
	}
	s.settle(s.alone[:])
	return true
}

// settle brings every request of the batch to its outcome.
func (s *sequencer) settle(batch []*request) {
	if err := s.log.besides(); err != nil {
		s.log.fail(err)
	}
	if s.log.stopped() == nil {
		if err := s.commit(batch); err != nil {
			s.log.fail(err)
		}
	}
	failed := s.log.stopped()
	for _, r := range batch {
		if failed != nil {
			r.outcome = outcome{err: failed}
		}
		r.settle()
	}
}

// commit decides the requests in order, writes what they became, makes sure of it, and only then lets it be seen.
func (s *sequencer) commit(batch []*request) error {
	if err := s.makeRoom(batch); err != nil {
		return err
	}
	s.keepUp()
	s.buf, s.staging = s.buf[:0], s.staging[:0]
	for _, r := range batch {
		if r.outcome.err = s.decide(r); r.outcome.err != nil || r.outcome.repeated {
			continue
		}
		if err := wrapDamage(index.Try(func() error { return s.stage(r) })); err != nil {
			return err
		}
	}
	if len(s.buf) == 0 {
		return nil
	}
	if err := s.write(); err != nil {
		return err
	}
	return s.publish(batch)
}

// idle lets go of files that were replaced, so that they do not wait for the next commit.
func (s *sequencer) idle() {
	if s.log.sys.inline || !s.turn.TryLock() {
		return
	}
	defer s.turn.Unlock()
	s.keepUp()
}

// keepUp takes the shape that the log has now.
func (s *sequencer) keepUp() {
	l, old := s.log, s.shape
	l.mu.RLock()
	if s.shape = l.shape; s.shape != old {
		s.shape.take()
	}
	l.mu.RUnlock()
	if s.shape != old {
		l.release(old)
	}
}

func (s *sequencer) write() error {
	if err := s.tail.write(s.buf, frameCommit); err != nil {
		return err
	}
	if cap(s.buf) > 2*maxBatch {
		s.buf = nil
	}
	if s.log.cfg.NoSync {
		return nil
	}
	if err := s.tail.fill(s.log.cfg.SegmentBytes); err != nil {
		return err
	}
	return s.tail.sync()
}

// full reports whether the batch does not fit into the newest segment, and that has something in it.
func (s *sequencer) full(batch []*request) bool {
	size, events := s.tail.size, 0
	for _, r := range batch {
		size += int64(r.bytes())
		events += len(r.events)
	}
	full := size > s.log.cfg.SegmentBytes || uint64(events)+s.log.places.count > maxSegmentEvents
	return full && s.sequence >= s.tail.header.sequence
}

// makeRoom begins a new segment when the batch does not fit into this one, unless this one has nothing in it.
func (s *sequencer) makeRoom(batch []*request) error {
	if !s.full(batch) {
		return nil
	}
	if err := s.rotate(); err != nil {
		return err
	}
	return s.log.stopped()
}

// maxSegmentEvents bounds the memory that the index of the newest segment takes.
const maxSegmentEvents = 400_000

// rotate creates the next segment before it seals this one: a sealed segment without a successor means that a file was lost.
func (s *sequencer) rotate() error {
	l := s.log
	if err := l.indexer.room(); err != nil {
		return err
	}
	if err := s.tail.sync(); err != nil {
		return err
	}
	h := header{
		store: s.tail.header.store, created: l.sys.now().UnixNano(),
		first: s.head + 1, sequence: s.sequence + 1, previous: s.tail.digest(),
	}
	next, err := createSegment(l.sys.files, l.logDir(), h)
	if err != nil {
		return err
	}
	if err := s.tail.seal(s.sequence, s.head+1, h.previous); err != nil {
		return err
	}
	full := s.tail.segment
	full.finish(s.tail.size, s.head, s.sequence+1, sealOf(h.previous))
	full.setPlaces(l.places)
	l.begin(next)
	if s.tail, err = newTail(next, headerSize); err != nil {
		return err
	}
	s.keepUp()
	s.table = s.shape.tables[len(s.shape.tables)-1]
	if err := l.markItems(s.sequence); err != nil {
		return err
	}
	return l.indexer.full(full)
}

// begin makes a segment the newest, with an index of its own.
func (l *Log) begin(s *segment) {
	s.mapUp(l.cfg.SegmentBytes + maxBatch)
	l.mu.Lock()
	old := l.shape
	next := &shape{
		segments: append(old.segments[:len(old.segments):len(old.segments)], s),
		runs:     old.runs,
		tables:   append(old.tables[:len(old.tables):len(old.tables)], index.NewTable(l.hasher, s.header.first-1)),
		gaps:     old.gaps,
	}
	l.places, l.visible.tail = places{}, headerSize
	old = l.reshape(next)
	l.mu.Unlock()
	l.release(old)
}

// stage adds the commit to the index, where readers do not see it yet, and its frame to the batch.
func (s *sequencer) stage(r *request) error {
	s.sequence++
	offset := s.tail.size + int64(len(s.buf))
	f := &frame{
		kind: frameCommit, events: uint32(len(r.events)), items: uint32(len(r.items)),
		sequence: s.sequence, first: s.head + 1, synced: s.tail.synced,
	}
	if err := s.addToIndex(r, f, offset+frameSize); err != nil {
		return err
	}
	begin := len(s.buf)
	s.buf = append(s.buf, make([]byte, frameSize)...) // filled in below
	s.appendEntries(r, f.first, f.sequence)
	f.body = uint32(len(s.buf) - begin - frameSize)
	f.put(s.buf[begin:], s.tail.header.checksum, offset)
	for i := range r.items {
		if err := s.stageItem(&r.items[i], f.sequence); err != nil {
			return err
		}
	}
	return nil
}

// addToIndex fills in the outcome. offset is that of the first entry.
func (s *sequencer) addToIndex(r *request, f *frame, offset int64) error {
	o := &r.outcome
	if len(r.items) > 0 {
		o.itemRevision = f.sequence
		s.table.CountItems(len(r.items))
	}
	if len(r.events) == 0 {
		return nil
	}
	o.first, o.revisions = f.first, make([]uint64, len(r.events))
	begin := 0
	for i := range r.events {
		e, err := &r.events[i], error(nil)
		if o.revisions[i], err = s.addEvent(e); err != nil {
			return err
		}
		s.head++
		s.staging = append(s.staging, stagedEvent{event: e, time: r.times[i], frame: f, offset: uint32(offset), position: s.head, revision: o.revisions[i]})
		length := entrySize + 1 + uvarintSize(o.revisions[i]) + r.ends[i] - begin
		offset, begin = offset+int64(length), r.ends[i]
	}
	o.last = s.head
	s.log.addPlaces(s.staging[len(s.staging)-len(r.events):])
	return nil
}

// addEvent adds an event to the index and returns its revision.
func (s *sequencer) addEvent(e *index.Event) (revision uint64, err error) {
	if s.table.Knows(e.Stream) {
		return s.table.Add(e, 0), nil
	}
	before := s.before(e.Stream)
	if !s.shape.gaps {
		return s.table.Add(e, before), nil
	}
	m, err := s.meta(e.Stream)
	if err != nil {
		return 0, err
	}
	revision = s.table.Add(e, before)
	if m.Deleted > before { // the records up to there may have been compacted away
		s.table.Raise(e.Stream, m.Deleted-before)
	}
	return revision + max(m.Deleted, before) - before, nil
}

// addPlaces notes where the events of a commit lie.
func (l *Log) addPlaces(events []stagedEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range events {
		at := events[i].offset
		if i == 0 {
			at |= firstInCommit
		}
		l.places.add(at)
	}
}

// before is a stream's revision without the newest segment.
func (s *sequencer) before(stream string) uint64 {
	k := s.log.hasher.Stream(stream)
	return s.shape.revision(&k, s.table.Base())
}

func (s *sequencer) appendEntries(r *request, position store.Position, sequence uint64) {
	begin := 0
	for i, end := range r.ends {
		entry, isRecord := len(s.buf), i < len(r.events)
		number := sequence
		if isRecord {
			number = uint64(position) + uint64(i)
			s.buf = append(beginEntry(s.buf, entryRecord), recordVersion)
			s.buf = binary.AppendUvarint(s.buf, r.outcome.revisions[i])
		} else {
			s.buf = beginEntry(s.buf, entryItem)
		}
		s.buf = append(s.buf, r.encoded[begin:end]...)
		endEntry(s.buf[entry:], number)
		begin = end
	}
}

func uvarintSize(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

func (s *sequencer) stageItem(w *store.ItemWrite, revision uint64) error {
	if w.Delete {
		revision = 0
	}
	s.staged[itemID{w.Bucket, w.Key}] = revision
	return s.stageMeta(w)
}

// publish lets readers see what was written, items and events at once.
func (s *sequencer) publish(batch []*request) error {
	writes, err := s.itemBatch(batch)
	if err != nil {
		return err
	}
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if writes != nil {
		if err := writes.Apply(); err != nil {
			return fmt.Errorf("write items: %w", err)
		}
	}
	clear(s.staged)
	clear(s.metas)
	l.show(s)
	return nil
}

// itemBatch returns what the batch does to items, nil when that is nothing.
func (s *sequencer) itemBatch(batch []*request) (*items.Batch, error) {
	if len(s.staged) == 0 {
		return nil, nil
	}
	if err := s.log.haveItems(); err != nil {
		return nil, err
	}
	writes := s.log.items.NewBatch()
	for _, r := range batch {
		if r.outcome.err != nil || r.outcome.repeated {
			continue
		}
		for i := range r.items {
			if err := writes.Write(&r.items[i], r.outcome.itemRevision); err != nil {
				return nil, fmt.Errorf("write items: %w", err)
			}
		}
	}
	return writes, nil
}

// show lets readers see all that is written. The caller holds the lock.
func (l *Log) show(s *sequencer) {
	grown := s.head > l.visible.head
	if len(s.buf) > 0 {
		l.rate.Add(l.sys.now(), uint64(s.head-l.visible.head), uint64(len(s.buf)))
	}
	l.visible = shown{head: s.head, sequence: s.sequence, tail: s.tail.size}
	if grown {
		l.wake()
	}
}

// stopped returns why nothing can be written any more, nil while it can.
func (l *Log) stopped() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.failed
}

// fail ends all writing. What was written last may be on the disk or not, and asking the disk again would not tell.
func (l *Log) fail(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil && !errors.Is(cause, store.ErrFailed) {
		l.failed = fmt.Errorf("%w: %w; mend the cause and open the folder again", store.ErrFailed, cause)
	}
	l.wake()
}

// finish notes that all is written. Nobody has the turn or will have it.
func (s *sequencer) finish() error { return s.tail.mark(s.sequence, s.head+1) }
