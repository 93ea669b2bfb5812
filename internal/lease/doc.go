// Package lease shares numbered slots of work among runs of one name, in one process or in several, so that no two ever work on the
// same slot.
//
//	g, err := lease.New(st, lease.Config{Bucket: "oxbow.consumer", Name: "billing", Slots: 32})
//	err = g.Run(ctx, worker) // joins, is given slots, and leaves when ctx ends
//
//	func (w *worker) Gained(ctx context.Context, s *lease.Slot) error // s.Data() is the payload that was saved with the slot; nil at first
//	func (w *worker) Changed(s *lease.Slot)                           // somebody else wrote the payload: s.Data() is the new one
//	func (w *worker) Release(s *lease.Slot)                           // returns when nothing works on the slot any more
//
// A slot's item holds its owner and the worker's payload, such as a checkpoint. So a commit that writes the payload, or only has the
// condition on it, fences its effects: whoever lost the slot can commit nothing for it.
//
//	write, condition, err := s.Write(data) // ErrLost when the slot is no longer held
//	receipt, err := st.Commit(ctx, store.Commit{Events: …, Items: []store.ItemWrite{write}, Conditions: []store.Condition{condition}})
//	if err == nil {
//		s.Wrote(receipt.ItemRevision)
//	} else {
//		err = s.Reload(ctx) // somebody wrote the item, or nobody knows whether the commit happened: s.Data() is what stands. Or s.Doubt()
//	}
//
// # How slots are shared
//
// Every run is a member, with an item of its own that it renews each third of Config.TTL. It looks at all items each Config.Poll, and at
// once after Poke: takes slots that nobody has, up to its fair share (the slots divided by the members; those with the lowest ids have one
// more), and hands over what is above its share, after Release returned. Members that join and leave are noticed within Poll. When a run
// stops, others get what is free as soon as it is, though some of its slots may take longer.
//
// Nobody compares clocks of two machines. A member counts as dead when its item has not changed for TTL, by the clock of whoever looks:
// its item is then deleted, and a slot whose owner has no item is free. A member itself stops earlier: when it has not renewed for two
// thirds of TTL by its own monotonic clock, Held is false, the slot's context ends, and Release is called. That clock may stand still
// while a machine is suspended; what such a member does before it notices is fenced off by the item's revision.
//
// A store that one process alone can have open (store.Exclusive) needs none of this: members note the id of the opening, those of
// another opening are dead at once, and those of this one live until they leave. So there is nothing to renew, a run with nothing to do
// writes nothing, and what a killed process had is taken over as soon as the store is open again. A program that serves such a store to
// other processes sets Config.Expire for its own runs.
//
// # When the store fails
//
// A failed call is tried again, with growing waits up to Poll or a twentieth of TTL, for as long as Run runs. Where leases expire, slots are meanwhile held
// until two thirds of TTL are over, and then lost; when the store works again the run joins again and takes its share. Only errors that
// no waiting mends end Run: a store that is closed, has stopped or is damaged (also an item of this package that is not what it should
// be; the error names it), and input that it refuses.
//
// # Items
//
// In Config.Bucket under the name: [Settings]. In bucket + ".slot" under NAME/0007: owner, payload, and how often somebody other
// than the owner changed the payload. In bucket + ".member" under NAME/ID: what observers need.
//
// # Promises
//
//  1. At most one member owns a slot, by its item; only the owner's commits with the slot's condition succeed.
//  2. A member that cannot renew, or was paused, neither holds a slot (Held) nor commits for it once another may have it.
//  3. A slot is handed over only after Release has returned, and with the payload that was written last.
//  4. Slots of a member that left are free at once, those of a dead one after TTL (on an exclusive store: at once after reopening).
//  5. In the end each member has its fair share, within one slot.
//  6. On an exclusive store a run writes only when it joins or leaves and when slots change hands.
package lease
