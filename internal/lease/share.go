package lease

import (
	"context"
	"errors"
	"slices"

	"github.com/oxbow-events/oxbow/store"
)

// takeBytes bounds the payloads in one commit that takes slots.
const takeBytes = 8 << 20

// share takes or gives slots so that this run comes to have its fair share.
func (r *run) share(ctx context.Context, s *state) error {
	fair, from := r.fair(s)
	held := r.held()
	if more := len(held) - fair; more > 0 {
		for _, slot := range held[len(held)-more:] {
			slot.cancel(errHandOver) // when it is released, a look finds that it is to be given
		}
		held = held[:len(held)-more]
	}
	free := r.free(s, from)
	take := free[:max(0, min(len(free), fair-len(held)))]
	if err := r.take(ctx, s, take); err != nil {
		return err
	}
	return r.give(ctx, s, free[len(take):])
}

// fair returns how many slots are this run's share, and at which to begin to take, so that members do not all take the same.
func (r *run) fair(s *state) (fair, from int) {
	ids := s.taking()
	rank, _ := slices.BinarySearch(ids, r.member.id)
	fair = len(s.slots) / len(ids)
	if rank < len(s.slots)%len(ids) {
		fair++
	}
	return fair, rank * len(s.slots) / len(ids)
}

// held returns the slots that are at work, in order of number.
func (r *run) held() (held []*Slot) {
	r.slotsMu.Lock()
	defer r.slotsMu.Unlock()
	for _, s := range r.slots {
		if s.ctx.Err() == nil {
			held = append(held, s)
		}
	}
	slices.SortFunc(held, func(a, b *Slot) int { return a.number - b.number })
	return held
}

// free returns the slots that nobody works on: those without owner, those whose owner is no member, and those that are this run's by
// their item but not at work here, because they were released or an answer was lost.
func (r *run) free(s *state, from int) (free []int) {
	r.slotsMu.Lock()
	defer r.slotsMu.Unlock()
	for i := range s.slots {
		n := (from + i) % len(s.slots)
		if r.slots[n] != nil || s.owned(n) && s.slots[n].Owner != r.member.id {
			continue
		}
		free = append(free, n)
	}
	return free
}

// take makes free slots this run's: all in one commit, or one by one when somebody was faster with one of them.
func (r *run) take(ctx context.Context, s *state, numbers []int) error {
	for len(numbers) > 0 {
		n, size := 0, 0
		for n < len(numbers) && (n == 0 || size+len(s.slots[numbers[n]].Data) <= takeBytes) {
			size += len(s.slots[numbers[n]].Data)
			n++
		}
		if err := r.takeOrEach(ctx, s, numbers[:n]); err != nil {
			return err
		}
		numbers = numbers[n:]
	}
	return nil
}

func (r *run) takeOrEach(ctx context.Context, s *state, numbers []int) error {
	err := r.own(ctx, s, r.member.id, numbers...)
	if !errors.Is(err, store.ErrConflict) {
		return err
	}
	for _, n := range numbers {
		if err := r.own(ctx, s, r.member.id, n); err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return nil
}

// give makes slots that this run has more than its share nobody's.
func (r *run) give(ctx context.Context, s *state, free []int) error {
	for _, n := range free {
		if s.slots[n].Owner != r.member.id {
			continue
		}
		if err := r.own(ctx, s, "", n); err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return nil
}

// own writes whose the slots are, if they are as the look found them and this run is a member still, and begins with those that
// are its own now. Writing them fences off what was on its way to the store before.
func (r *run) own(ctx context.Context, s *state, owner string, numbers ...int) error {
	limited, cancel := r.limit(ctx)
	defer cancel()
	c := store.Commit{Conditions: []store.Condition{store.ItemAt(r.memberBucket(), memberKey(r.cfg.Name, r.member.id), r.member.revision)}}
	for _, n := range numbers {
		found := s.slots[n].slotItem
		found.Owner = owner
		write, err := encode(r.slotBucket(), slotKey(r.cfg.Name, n), found)
		if err != nil {
			return err
		}
		c.Items = append(c.Items, write)
		c.Conditions = append(c.Conditions, store.ItemAt(write.Bucket, write.Key, s.slots[n].revision))
	}
	receipt, err := r.store.Commit(limited, c)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		s.slots[n].Owner, s.slots[n].revision = owner, receipt.ItemRevision
		if owner != "" {
			r.begin(ctx, n, s.slots[n].slotItem, receipt.ItemRevision)
		}
	}
	return nil
}
