package lease

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/store"
)

// ErrLost means that the slot is not, or no longer, held: another member may have it.
var ErrLost = errors.New("slot is not held any more")

// errHandOver ends the context of a slot that another member shall have.
var errHandOver = errors.New("slot is handed over")

// Worker does the work of the slots that its run is given. For one slot its methods are called one after the other: Gained first, and
// Release last, whatever Gained returned.
type Worker interface {
	// Gained begins the work and returns; the work itself goes on elsewhere. ctx ends when the slot is lost or to be handed over, or the run
	// is to stop; then no further work may begin. An error ends Run, which returns it.
	Gained(ctx context.Context, s *Slot) error

	// Changed is called when somebody else wrote the payload, and after s.Doubt(); s.Data() is what stands. The slot is still held.
	Changed(s *Slot)

	// Release returns when nothing works on the slot any more. It may still commit for the slot if s.Held().
	Release(s *Slot)
}

// Slot is one slot as one run has it, from Gained to Release. A slot that was lost stays lost: one that is gained again is another Slot.
// Its methods may be called at the same time.
type Slot struct {
	run    *run
	number int
	key    string
	owner  string
	ctx    context.Context // what Gained gets: whether it has ended says whether the slot is at work
	cancel context.CancelCauseFunc
	lost   atomic.Bool
	told   chan struct{} // has something when Changed is to be called
	doubt  atomic.Bool   // the worker wants to be told what stands

	mu       sync.Mutex
	data     json.RawMessage
	turn     uint64
	revision uint64
	writing  json.RawMessage // what the last Write was given
}

// Number returns which slot it is, from 0.
func (s *Slot) Number() int { return s.number }

// Data returns the payload that is saved, as far as this run knows; nil when there is none. It is not to be changed.
func (s *Slot) Data() json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

// Held reports whether nobody else can have the slot now, by this process's clock. Ask before each step that must not overlap with another
// member's: it costs next to nothing. Once false, it stays so.
func (s *Slot) Held() bool {
	if s.lost.Load() {
		return false
	}
	if s.run.lease.late() {
		s.lose()
		return false
	}
	return true
}

// lose ends the slot for its worker.
func (s *Slot) lose() {
	s.lost.Store(true)
	s.cancel(ErrLost)
}

// Write returns what a commit needs to save data, which must be JSON, as the payload: the write, and the condition that the slot is still
// this run's and nobody changed the payload. One commit at a time: Wrote or Reload comes before the next Write.
func (s *Slot) Write(data json.RawMessage) (store.ItemWrite, store.Condition, error) {
	if !s.Held() {
		return store.ItemWrite{}, store.Condition{}, ErrLost
	}
	return s.write(s.owner, data)
}

func (s *Slot) write(owner string, data json.RawMessage) (store.ItemWrite, store.Condition, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket := s.run.slotBucket()
	write, err := encode(bucket, s.key, slotItem{Owner: owner, Turn: s.turn, Data: data})
	if err != nil {
		return store.ItemWrite{}, store.Condition{}, err
	}
	s.writing = slices.Clone(data)
	return write, store.ItemAt(bucket, s.key, s.revision), nil
}

// Wrote notes that the commit with the last Write happened, and the revision that its receipt tells for items.
func (s *Slot) Wrote(revision uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revision > s.revision {
		s.revision, s.data = revision, s.writing
	}
	s.writing = nil
}

// Reload reads the item again: after a commit with the last Write that failed, or of which nobody knows whether it happened. Then Data is
// what stands, and the next Write builds on it. ErrLost means that another member has the slot.
func (s *Slot) Reload(ctx context.Context) error {
	if !s.Held() {
		return ErrLost
	}
	found, revision, err := loadSlot(ctx, s.run.store, s.run.slotBucket(), s.key)
	if err != nil {
		return err
	}
	s.adopt(found, revision)
	if !s.Held() {
		return ErrLost
	}
	return nil
}

// Doubt is Reload for those who cannot wait: the run looks at once, and has Changed called with what stands, whoever wrote it, or has the
// slot released when another member has it.
func (s *Slot) Doubt() {
	s.doubt.Store(true)
	s.run.Poke()
}

// adopt takes over what the item says, if it is news, and reports whether somebody else changed the payload.
func (s *Slot) adopt(found slotItem, revision uint64) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case found.Owner != s.owner && (revision == 0 || revision > s.revision):
		s.lose()
	case found.Owner == s.owner && revision > s.revision:
		changed = found.Turn != s.turn
		s.data, s.turn, s.revision = found.Data, found.Turn, revision
	}
	return changed
}

// look is adopt for a run's look, which must not take over the worker's own commit before Wrote or Reload does.
func (s *Slot) look(found slotItem, revision uint64) {
	s.mu.Lock()
	turn := s.turn
	s.mu.Unlock()
	doubted := s.doubt.Swap(false)
	if found.Owner == s.owner && found.Turn == turn && !doubted {
		return
	}
	if s.adopt(found, revision) || doubted && found.Owner == s.owner {
		select {
		case s.told <- struct{}{}:
		default:
		}
	}
}

// serve calls the worker until the slot's context ends.
func (s *Slot) serve(w Worker) error {
	defer w.Release(s)
	if err := w.Gained(s.ctx, s); err != nil {
		return err
	}
	for {
		select {
		case <-s.ctx.Done():
			return nil
		case <-s.told:
			if s.ctx.Err() == nil {
				w.Changed(s)
			}
		}
	}
}
