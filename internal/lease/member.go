package lease

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

// member is what a run is to the others.
type member struct {
	id       string // "" before the first attempt to join
	joined   bool
	leaving  bool          // it only waits until its work has ended
	revision uint64        // of its item
	renewed  time.Duration // when the last write of its item that succeeded was begun
}

// sighting is when a member's item was first seen as it is.
type sighting struct {
	revision uint64
	at       time.Duration
}

// belong makes the run a member, and keeps it one.
func (r *run) belong(ctx context.Context) error {
	if r.member.joined && r.expires() && r.lease.now() >= r.member.renewed+r.cfg.TTL/3 {
		if err := r.renew(ctx); err != nil {
			return err
		}
	}
	if r.member.joined {
		return nil
	}
	return r.join(ctx)
}

func (r *run) join(ctx context.Context) error {
	if err := r.finishLeaving(ctx); err != nil {
		return err
	}
	if r.member.id == "" {
		r.member = member{id: event.NewID().String()}
	}
	err := r.touch(ctx, 0)
	if errors.Is(err, store.ErrConflict) {
		// An attempt that seemed to fail was none.
		r.member.revision, err = r.ownRevision(ctx)
		if err == nil && r.member.revision > 0 {
			err = r.touch(ctx, r.member.revision)
		}
	}
	r.member.joined = err == nil
	return err
}

// renew writes the member's item again. Who finds it gone was taken for dead.
func (r *run) renew(ctx context.Context) error {
	err := r.touch(ctx, r.member.revision)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	revision, err := r.ownRevision(ctx)
	if err != nil {
		return err
	}
	if revision == 0 {
		r.buried()
		return nil
	}
	// A renewal that seemed to fail was none: nobody else writes the item.
	r.member.revision = revision
	return r.touch(ctx, revision)
}

// touch writes the member's item if it is at the revision, and extends the lease from when it began to.
func (r *run) touch(ctx context.Context, revision uint64) error {
	ctx, cancel := r.limit(ctx)
	defer cancel()
	write, err := r.memberWrite()
	if err != nil {
		return err
	}
	return r.commitMember(ctx, store.Commit{
		Items:      []store.ItemWrite{write},
		Conditions: []store.Condition{store.ItemAt(write.Bucket, write.Key, revision)},
	})
}

// memberWrite returns the write of the member's item.
func (r *run) memberWrite() (store.ItemWrite, error) {
	item := memberItem{Opening: r.opening, Leaving: r.member.leaving, Note: r.cfg.Note}
	if r.expires() {
		item.TTL = r.cfg.TTL
	}
	return encode(r.memberBucket(), memberKey(r.cfg.Name, r.member.id), item)
}

// commitMember makes a commit in which the member's item is, and extends the lease from when it began to.
func (r *run) commitMember(ctx context.Context, c store.Commit) error {
	began := r.lease.now()
	receipt, err := r.store.Commit(ctx, c)
	if err != nil {
		return err
	}
	r.member.revision, r.member.renewed = receipt.ItemRevision, began
	if r.expires() {
		r.lease.extend(began + r.cfg.TTL*2/3)
	}
	return nil
}

func (r *run) ownRevision(ctx context.Context) (uint64, error) {
	ctx, cancel := r.limit(ctx)
	defer cancel()
	item, err := r.store.Get(ctx, r.memberBucket(), memberKey(r.cfg.Name, r.member.id))
	return item.Revision, err
}

// belongs reports whether the look still found this run among the members. If not, it has lost all and is to join again.
func (r *run) belongs(s *state) bool {
	found, ok := s.members[r.member.id]
	if !ok {
		r.buried()
		return false
	}
	r.member.revision = found.revision
	return true
}

// buried loses all, so that the run joins as another member.
func (r *run) buried() {
	lost := r.loseAll()
	r.log.Warn("was taken for dead, joins again", "member", r.member.id, "slots", lost)
	r.member = member{}
}

// bury deletes the items of members that are dead, which makes their slots free.
func (r *run) bury(ctx context.Context, s *state) error {
	now := r.lease.now()
	for id, m := range s.members {
		if id == r.member.id || !r.dead(id, m, now) {
			continue
		}
		if err := r.delete(ctx, id, m.revision); errors.Is(err, store.ErrConflict) {
			continue // it lives, or somebody else was faster
		} else if err != nil {
			return err
		}
		r.log.Info("buried a member that is dead", "member", id, "note", m.Note)
		delete(s.members, id)
	}
	for id := range r.seen {
		if _, ok := s.members[id]; !ok {
			delete(r.seen, id)
		}
	}
	return nil
}

// dead reports whether a member can do nothing any more: it belonged to another opening of the store, or its item has been the same
// for as long as it said. now must be later than the look.
func (r *run) dead(id string, m memberState, now time.Duration) bool {
	if !r.expires() && m.Opening != "" {
		return m.Opening != r.opening
	}
	first, ok := r.seen[id]
	if !ok || first.revision != m.revision {
		r.seen[id] = sighting{m.revision, now}
		return false
	}
	return now-first.at >= max(m.TTL, r.cfg.TTL)
}

func (r *run) delete(ctx context.Context, id string, revision uint64) error {
	ctx, cancel := r.limit(ctx)
	defer cancel()
	key := memberKey(r.cfg.Name, id)
	_, err := r.store.Commit(ctx, store.Commit{
		Items:      []store.ItemWrite{store.Delete(r.memberBucket(), key)},
		Conditions: []store.Condition{store.ItemAt(r.memberBucket(), key, revision)},
	})
	return err
}

// renewIn returns how long a run that stops waits before it renews.
func (r *run) renewIn() time.Duration {
	if !r.expires() || !r.member.joined {
		return math.MaxInt64
	}
	if r.failing > 0 {
		return r.again()
	}
	return r.member.renewed + r.cfg.TTL/3 - r.lease.now()
}

// leave deletes the member's item, which makes all its slots free. It tries for TTL.
func (r *run) leave(ctx context.Context) {
	if r.member.id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.TTL)
	defer cancel()
	r.stale = r.member.id
	for attempt := 1; ; attempt++ {
		err := r.finishLeaving(ctx)
		if err == nil {
			return
		}
		if permanent(err) || backoff.Sleep(ctx, backoff.Delay(attempt, 20*time.Millisecond, r.cfg.Poll)) != nil {
			r.log.Warn("could not leave; others take the slots when they see that it is dead", "member", r.member.id, "error", err)
			return
		}
	}
}

// finishLeaving deletes the item of a member that this or the last run was.
func (r *run) finishLeaving(ctx context.Context) error {
	if r.stale == "" {
		return nil
	}
	ctx, cancel := r.limit(ctx)
	defer cancel()
	_, err := r.store.Commit(ctx, store.Commit{
		Items: []store.ItemWrite{store.Delete(r.memberBucket(), memberKey(r.cfg.Name, r.stale))},
	})
	if err == nil {
		r.stale = ""
	}
	return err
}
