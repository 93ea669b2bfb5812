package consumer

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// saveEvery is how many positions without a record for a slot are passed before that alone is worth a save.
const saveEvery = 1000

// draft is a commit, and what is to be noted when it has happened.
type draft struct {
	commit  store.Commit
	slots   []slotDraft
	letters parked.Written
	counted bool // the commit changes the count of letters
}

type slotDraft struct {
	slot       *slot
	checkpoint checkpoint
	condition  store.Condition
}

// try commits what workers have finished, and with save the progress of all slots that have made some. When that fails because of one of
// them, the others are committed without it.
func (k *committer) try(ctx context.Context, group []*finished, save, all bool) {
	for {
		if group = k.living(group); len(group) == 0 && !save {
			return
		}
		d, err := k.draft(ctx, group, save, all)
		if errors.Is(err, errSlotLost) {
			k.unsaved(d)
			continue
		}
		var receipt store.Receipt
		if err == nil && len(d.commit.Items) > 0 {
			receipt, err = k.commit(ctx, d.commit)
		}
		if err == nil && receipt.Repeated {
			forgetEvents(group) // the store has them already, and has written nothing now
			k.unsaved(d)
			continue
		}
		if err == nil {
			k.committed(d, receipt, group)
			return
		}
		k.unsaved(d)
		switch again, halves := k.judge(ctx, d, group, err); {
		case again:
		case halves:
			k.try(ctx, group[:len(group)/2], save, all)
			group, save, all = group[len(group)/2:], false, false
		case k.failure != nil || !save:
			return
		default:
			group = nil
		}
	}
}

// judge sees to what made a commit fail. again: the same can be tried again. halves: it is not known whose fault it is.
func (k *committer) judge(ctx context.Context, d *draft, group []*finished, err error) (again, halves bool) {
	conflict, _ := errors.AsType[*store.ConflictError](err)
	switch {
	case conflict != nil && k.lostSlot(d, conflict):
		return true, false
	case conflict != nil && conflict.Bucket == parked.CountBucket && conflict.Key == k.name:
		k.count = nil
		return true, false
	case conflict != nil && conflict.ID != "":
		dropped, readErr := k.dropStored(ctx, group, conflict)
		if readErr != nil {
			err = readErr
		} else if dropped {
			return true, false
		}
	}
	switch {
	case !ofTransaction(err) || len(group) == 0:
		k.stop(err)
		k.handBack(group)
		return false, false
	case len(group) > 1:
		return false, true
	}
	return k.blame(ctx, group[0], conflict, err), false
}

// ofTransaction reports whether the error is about what was to be committed, and not about the store.
func ofTransaction(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTombstone) || errors.Is(err, event.ErrInvalid)
}

// maxConflicts is how often a handler is called again at once because somebody else was faster.
const maxConflicts = 5

// blame sees to the one transaction that cannot be committed, and reports whether to try again.
func (k *committer) blame(ctx context.Context, f *finished, conflict *store.ConflictError, err error) (again bool) {
	switch {
	case conflict != nil && conflict.Bucket == parked.Letters(k.name) && f.redriven():
		k.board.reread(f)
		return false
	case conflict != nil && len(f.unask) > 0:
		return k.askedAgain(ctx, f)
	case f.tx == nil:
		k.stop(err)
		k.handBack([]*finished{f})
		return false
	case conflict != nil && f.jobs[0].conflicts < maxConflicts:
		f.jobs[0].conflicts++
		k.handBack([]*finished{f})
		return false
	}
	if errors.Is(err, event.ErrInvalid) {
		err = Permanent(err) // it would be refused each time
	}
	if err := k.failedCall(f.errand, err); err != nil {
		k.end(err)
	}
	return false
}

// lostSlot reports whether it is the item of a slot that is not as we left it. Its lease will tell what became of it.
func (k *committer) lostSlot(d *draft, conflict *store.ConflictError) bool {
	for _, s := range d.slots {
		if s.condition.Bucket == conflict.Bucket && s.condition.Key == conflict.Key {
			k.board.stale(s.slot)
			s.slot.lease.Doubt()
			return true
		}
	}
	return false
}

// dropStored takes the events out of a transaction that the store has already, in the same streams.
func (k *committer) dropStored(ctx context.Context, group []*finished, conflict *store.ConflictError) (dropped bool, err error) {
	for _, f := range group {
		if f.tx == nil || !f.tx.has(conflict.ID) {
			continue
		}
		var left []event.Record
		for _, r := range f.tx.events {
			stored, err := k.stored(ctx, &r)
			if err != nil {
				return false, err
			}
			if !stored {
				left = append(left, r)
			}
		}
		dropped = dropped || len(left) < len(f.tx.events)
		f.tx.events = left
	}
	return dropped, nil
}

func (s *txState) has(id string) bool {
	for i := range s.events {
		if s.events[i].ID.String() == id {
			return true
		}
	}
	return false
}

func (k *committer) stored(ctx context.Context, r *event.Record) (bool, error) {
	for _, err := range k.store.Read(ctx, store.Where(store.Filter{ID: r.ID, Stream: r.Stream})) {
		return err == nil, err
	}
	return false, nil
}

func forgetEvents(group []*finished) {
	for _, f := range group {
		if f.tx != nil {
			f.tx.events = nil
		}
	}
}

// living hands back what can no longer be committed for, and returns the rest.
func (k *committer) living(group []*finished) []*finished {
	living, dead := k.board.living(group)
	k.handBack(dead)
	return living
}
