package lease

import (
	"context"
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// watch loses all slots when the lease runs out.
func (r *run) watch(done <-chan struct{}) {
	if !r.expires() {
		return
	}
	for {
		wait := r.lease.left()
		if r.lease.late() {
			if lost := r.loseAll(); lost > 0 {
				r.log.Warn("could not renew in time, slots are lost", "slots", lost)
			}
			wait = r.cfg.TTL / 3
		}
		timer := time.NewTimer(min(wait, r.cfg.TTL/3))
		select {
		case <-timer.C:
		case <-done:
			timer.Stop()
			return
		}
	}
}

// patience is how long a run that stops waits for its slots before it lets others have those that are free already.
const patience = 200 * time.Millisecond

// stop waits until nothing works on any slot any more, remaining a member meanwhile, and leaves. That takes one commit, or when some
// slots take longer, one more each time that others have become free.
func (r *run) stop(ctx context.Context) {
	var free []*Slot
	for r.count() > 0 {
		timer := time.NewTimer(r.stopIn(len(free) > 0))
		select {
		case s := <-r.released:
			if s.Held() {
				free = append(free, s)
			}
			r.drop(s)
		case <-timer.C:
			if err := r.remain(ctx, free); err == nil {
				r.failing, free = 0, nil
			} else if r.failing++; r.failing == 1 {
				r.log.Warn("the store failed while work ends, will try again", "error", err)
			}
		}
		timer.Stop()
	}
	r.serving.Wait()
	r.leave(ctx)
}

// stopIn returns how long a run that stops waits before there is something to write.
func (r *run) stopIn(free bool) time.Duration {
	if free && r.failing == 0 && r.member.joined {
		return min(patience, r.renewIn())
	}
	return r.renewIn()
}

// remain renews, and gives away the slots on which nothing works any more. Where that fails because of one, they are free when the
// run leaves.
func (r *run) remain(ctx context.Context, free []*Slot) error {
	if len(free) == 0 {
		return r.renew(ctx)
	}
	err := r.leaveSlots(ctx, free)
	if errors.Is(err, store.ErrConflict) || errors.Is(err, event.ErrInvalid) {
		return r.renew(ctx)
	}
	return err
}

func (r *run) leaveSlots(ctx context.Context, free []*Slot) error {
	ctx, cancel := r.limit(ctx)
	defer cancel()
	r.member.leaving = true
	write, err := r.memberWrite()
	if err != nil {
		return err
	}
	c := store.Commit{
		Items:      []store.ItemWrite{write},
		Conditions: []store.Condition{store.ItemAt(write.Bucket, write.Key, r.member.revision)},
	}
	for _, s := range free {
		write, condition, err := s.write("", s.Data())
		if err != nil {
			return err
		}
		c.Items, c.Conditions = append(c.Items, write), append(c.Conditions, condition)
	}
	return r.commitMember(ctx, c)
}
