package consumer

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

// errSlotLost says that a slot was found to be lost while a commit was drafted.
var errSlotLost = errors.New("slot is lost")

// draft makes the commit of what workers have finished, and with save of the progress of all slots: those that have made some, or with all
// also those without records.
func (k *committer) draft(ctx context.Context, group []*finished, save, all bool) (*draft, error) {
	d := &draft{slots: k.board.checkpoints(group, save, all)}
	for i := range d.slots {
		if err := k.draftSlot(d, &d.slots[i]); err != nil {
			return d, err
		}
	}
	if err := k.draftLetters(ctx, d, group); err != nil {
		return d, err
	}
	for _, f := range group {
		if f.tx == nil {
			continue
		}
		d.commit.Events = append(d.commit.Events, f.tx.events...)
		d.commit.Items = append(d.commit.Items, f.tx.lastWrites()...)
		d.commit.Conditions = append(d.commit.Conditions, f.tx.conditions...)
	}
	return d, nil
}

func (k *committer) draftSlot(d *draft, s *slotDraft) error {
	data, err := s.checkpoint.encode()
	if err != nil {
		return err
	}
	write, condition, err := s.slot.lease.Write(data)
	if errors.Is(err, lease.ErrLost) {
		k.board.stale(s.slot)
		return errSlotLost
	}
	s.condition = condition
	d.commit.Items = append(d.commit.Items, write)
	d.commit.Conditions = append(d.commit.Conditions, condition)
	return err
}

func (k *committer) draftLetters(ctx context.Context, d *draft, group []*finished) error {
	var change parked.Change
	for _, f := range group {
		f.change(&change)
	}
	if len(change.Park)+len(change.Again)+len(change.Resolved)+len(change.Unask) == 0 {
		return nil
	}
	count, err := k.letterCount(ctx)
	if err != nil {
		return err
	}
	if d.letters, err = parked.Writes(k.name, count, change); err != nil {
		return err
	}
	d.counted = d.letters.Count != count
	d.commit.Items = append(d.commit.Items, d.letters.Items...)
	d.commit.Conditions = append(d.commit.Conditions, d.letters.Conditions...)
	return nil
}

// letterCount returns how many dead letters there are, as far as is known.
func (k *committer) letterCount(ctx context.Context) (parked.Count, error) {
	if k.count == nil {
		count, err := parked.LoadCount(ctx, k.store, k.name)
		if err != nil {
			return parked.Count{}, err
		}
		k.count = &count
	}
	return *k.count, nil
}

// committed notes what a commit has done.
func (k *committer) committed(d *draft, receipt store.Receipt, group []*finished) {
	for _, s := range d.slots {
		s.slot.lease.Wrote(receipt.ItemRevision)
	}
	if d.counted {
		count := d.letters.Count.At(receipt.ItemRevision)
		k.count = &count
	}
	k.board.committed(d.slots, group)
}

// unsaved notes that the progress in a draft is not saved.
func (k *committer) unsaved(d *draft) { k.board.unsaved(d.slots) }

// checkpoints returns what is to be saved of which slots, with what is finished counted as done.
func (b *board) checkpoints(group []*finished, save, all bool) (drafts []slotDraft) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.meter()
	slots := map[*slot]bool{}
	for _, f := range group {
		for s := range f.slots {
			slots[s] = true
		}
		f.committing(true)
	}
	if save {
		b.dirty, b.saveAt = false, b.at+saveEvery
		for _, s := range b.slots {
			if s != nil && s.worthASave(b.at, all) {
				slots[s] = true
			}
		}
	}
	for s := range slots {
		drafts = append(drafts, slotDraft{slot: s, checkpoint: s.checkpoint(b.at)})
		s.dirty = false
	}
	for _, f := range group {
		f.committing(false)
	}
	return drafts
}

// worthASave reports whether the slot has made progress that is to be saved.
func (s *slot) worthASave(read store.Position, all bool) bool {
	if s.ended || s.stale {
		return false
	}
	reached := s.reached(read)
	return s.dirty || reached >= s.saved+saveEvery || all && reached > s.saved
}

// committing has the jobs count as done, or no longer.
func (f *finished) committing(yes bool) {
	if f.errand == nil {
		return
	}
	i := 0
	for n, l := range f.lanes {
		for range f.counts[n] {
			if j := f.jobs[i]; j.letter == nil {
				j.committing = yes
				if yes {
					l.slot.committing++
				} else {
					l.slot.committing--
				}
			}
			i++
		}
	}
}

func (b *board) committed(slots []slotDraft, group []*finished) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slots {
		s.slot.saved = s.checkpoint.Position
	}
	for _, f := range group {
		b.settle(f)
	}
}

func (b *board) unsaved(slots []slotDraft) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range slots {
		s.slot.dirty = true
	}
	b.dirty = b.dirty || len(slots) > 0
}

// living separates what can still be committed from what cannot.
func (b *board) living(group []*finished) (living, dead []*finished) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range group {
		if f.alive() {
			living = append(living, f)
		} else {
			dead = append(dead, f)
		}
	}
	return living, dead
}

// stale keeps work of a slot from being handed out: its item is not as we left it.
func (b *board) stale(s *slot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.stale = true
	b.gather()
}

// dirtied is called when progress was made that is worth a save.
func (b *board) dirtied() {
	if b.dirty = true; !b.saver {
		return
	}
	b.saver = false
	select {
	case b.tellSave <- struct{}{}:
	default:
	}
}

func (b *board) isDirty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dirty
}

// awaitDirty is isDirty, and if not, has tellSave be told when it becomes so.
func (b *board) awaitDirty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.saver = !b.dirty
	return b.dirty
}
