package filelog

import (
	"encoding/binary"
	"fmt"
	"runtime"

	"github.com/oxbow-events/oxbow/store"
)

// sequencer decides and writes commits, one batch after the other. All of it belongs to one goroutine.
type sequencer struct {
	log    *Log
	tail   *tail
	buf    []byte            // the frames of the batch
	staged map[itemID]uint64 // items that the batch writes, with their new revisions; 0 for deleted
}

type itemID struct{ bucket, key string }

func (l *Log) sequence() {
	defer close(l.sequenced)
	s := &l.sequencer
	var batch []*request
	for {
		batch = l.queue.take(batch[:0])
		if len(batch) == 0 {
			return
		}
		s.settle(batch)
		clear(batch)
		runtime.Gosched() // lets those just answered come back first, so that they share the next sync
	}
}

// settle brings every request of the batch to its outcome.
func (s *sequencer) settle(batch []*request) {
	if s.log.failed == nil {
		if err := s.commit(batch); err != nil {
			s.fail(err)
		}
	}
	for _, r := range batch {
		if s.log.failed != nil {
			r.outcome = outcome{err: s.log.failed}
		}
		r.settle()
	}
}

// commit decides the requests in order, writes what they became, makes sure of it, and only then lets it be seen.
func (s *sequencer) commit(batch []*request) error {
	if err := s.makeRoom(batch); err != nil {
		return err
	}
	s.buf = s.buf[:0]
	for _, r := range batch {
		if r.outcome.err = s.decide(r); r.outcome.err == nil && !r.outcome.repeated {
			s.stage(r)
		}
	}
	if len(s.buf) == 0 {
		return nil
	}
	if err := s.write(); err != nil {
		return err
	}
	s.publish(batch)
	return nil
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
	return s.tail.sync()
}

// makeRoom begins a new segment when the batch does not fit into this one, unless this one has nothing in it.
func (s *sequencer) makeRoom(batch []*request) error {
	size := s.tail.size
	for _, r := range batch {
		size += int64(r.bytes())
	}
	x := s.log.index
	if size <= s.log.cfg.SegmentBytes || x.sequence < s.tail.header.sequence {
		return nil
	}
	return s.rotate()
}

// rotate creates the next segment before it seals this one: a sealed segment without a successor means that a file was lost.
func (s *sequencer) rotate() error {
	l, x := s.log, s.log.index
	if err := s.tail.sync(); err != nil {
		return err
	}
	h := header{
		store: s.tail.header.store, created: l.sys.now().UnixNano(),
		first: x.head + 1, sequence: x.sequence + 1, previous: s.tail.digest(),
	}
	next, err := createSegment(l.sys.files, l.logDir(), h)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.segments = append(l.segments, next)
	l.mu.Unlock()
	if err := s.tail.seal(x.sequence, x.head+1, h.previous); err != nil {
		return err
	}
	l.sealedBytes += s.tail.size
	s.tail, err = newTail(next, headerSize)
	return err
}

// stage adds the commit to the index, where readers do not see it yet, and its frame to the batch.
func (s *sequencer) stage(r *request) {
	l, x := s.log, s.log.index
	offset := s.tail.size + int64(len(s.buf))
	f := frame{
		kind: frameCommit, events: uint32(len(r.events)), items: uint32(len(r.items)),
		sequence: x.sequence + 1, first: x.head + 1, synced: s.tail.synced,
	}
	l.mu.Lock()
	s.addToIndex(r, offset+frameSize)
	l.mu.Unlock()
	begin := len(s.buf)
	s.buf = append(s.buf, make([]byte, frameSize)...) // filled in below
	s.appendEntries(r, f.first, f.sequence)
	f.body = uint32(len(s.buf) - begin - frameSize)
	f.put(s.buf[begin:], s.tail.header.checksum, offset)
	for _, w := range r.items {
		s.stageItem(w, f.sequence)
	}
}

// addToIndex fills in the outcome. offset is that of the first entry.
func (s *sequencer) addToIndex(r *request, offset int64) {
	x, o := s.log.index, &r.outcome
	x.beginCommit(len(r.events), len(r.items))
	if len(r.items) > 0 {
		o.itemRevision = x.sequence
	}
	if len(r.events) == 0 {
		return
	}
	o.first, o.revisions = x.head+1, make([]uint64, len(r.events))
	begin, segment := 0, uint32(len(s.log.segments)-1)
	for i := range r.events {
		e := &r.events[i]
		revision := x.streams[e.stream].revision() + 1
		length := entrySize + 1 + uvarintSize(revision) + r.ends[i] - begin
		o.revisions[i] = x.add(e, place{segment: segment, offset: uint32(offset), length: uint32(length)})
		offset, begin = offset+int64(length), r.ends[i]
	}
	o.last = x.head
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

func (s *sequencer) stageItem(w store.ItemWrite, revision uint64) {
	if w.Delete {
		revision = 0
	}
	s.staged[itemID{w.Bucket, w.Key}] = revision
}

// publish lets readers see what was written.
func (s *sequencer) publish(batch []*request) {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range batch {
		if r.outcome.err != nil || r.outcome.repeated {
			continue
		}
		for _, w := range r.items {
			l.items.write(w, r.outcome.itemRevision)
		}
	}
	clear(s.staged)
	l.show(s.tail.size)
}

// show lets readers see all that is in the index. The caller holds the lock.
func (l *Log) show(tailSize int64) {
	grown := l.index.head > l.visible.head
	l.visible = shown{head: l.index.head, streams: len(l.index.streams), bytes: l.sealedBytes + tailSize}
	if grown {
		l.wake()
	}
}

// fail ends all writing. What was written last may be on the disk or not, and asking the disk again would not tell.
func (s *sequencer) fail(cause error) {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed = fmt.Errorf("%w: %w; mend the cause and open the folder again", store.ErrFailed, cause)
	l.wake()
}

// finish notes that all is written. The goroutine has ended.
func (s *sequencer) finish() error {
	if s.log.failed != nil {
		return nil
	}
	return s.tail.mark(s.log.index.sequence, s.log.index.head+1)
}
