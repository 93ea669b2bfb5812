// Package store keeps events: [Store] is what programs hold, [Driver] is what an engine implements.
//
//	st := store.New(memory.New(), store.Config{}) // gone when the process ends: for tests and trials
//
//	l, err := filelog.Open("data", filelog.Config{}) // kept in a folder
//	st := store.New(l, store.Config{})
//	defer st.Close()
//
// Whoever has rules about when something may happen, such as that an account is not overdrawn, will like package aggregate, which
// is built on this one.
//
// # Append
//
// An event is any Go struct. It goes to a stream, the ordered events about one thing; with a method AggregateID, an event of type
// SeatBooked about flight OX1 goes to the stream "seat-OX1", and [Store.AppendTo] names the stream itself:
//
//	type SeatBooked struct{ Flight, Seat string }
//
//	func (e SeatBooked) AggregateID() string { return e.Flight }
//
//	receipt, err := st.Append(ctx, SeatBooked{"OX1", "12A"}, SeatBooked{"OX1", "12B"}) // both, or none
//	receipt, err := st.AppendTo(ctx, "seat-OX1", []any{SeatBooked{"OX1", "12C"}})
//
// A stored event is a record: its bytes, its metadata, and where it stands. Its revision is its place in the stream (1, 2, 3…), its
// position the place in the whole store. The receipt tells both, and what the commit survives.
//
// # Conditions
//
// A condition must hold at the instant of the commit, or nothing is written and the error is a [*ConflictError], which
// answers errors.Is(err, ErrConflict) and says what was expected and what was found. Then somebody else was faster: read again, decide
// again, append again.
//
//	_, err := st.AppendTo(ctx, "seat-OX1", events, store.NoStream("seat-OX1"))      // it does not exist
//	_, err := st.AppendTo(ctx, "seat-OX1", events, store.AtRevision("seat-OX1", 7)) // nothing came after the seventh event
//
// There are [NoStream], [StreamExists], [AtRevision], [ItemAt] and [NoneAfter]. A commit may have several, about any streams.
//
// # Read
//
// A [Query] says which records: in which stream, of which types, with which tags, with which correlation; after and before which
// position, how many, and in which direction. The iteration ends with the newest record that there was when it began.
//
//	for r, err := range st.Read(ctx, store.Stream("seat-OX1")) {
//		if err != nil {
//			return err // the iteration has ended
//		}
//		e, err := st.Decode(r) // e.Data is a SeatBooked if the registry knows the type, see event.Register
//	}
//
// # Follow
//
// [Store.Follow] reads on as new records arrive, without gap or duplicate, until its context ends. It remembers nothing: a reader that
// goes on where it was after a restart is a consumer, in package consumer.
//
// # Several streams and items in one commit
//
// A [Commit] writes events of any streams, and items, together: all or nothing. An item is a small value under a key in a bucket, such
// as a document that is made of the events. Its revision grows with each write, so that [ItemAt] is compare-and-set.
//
//	receipt, err := st.Commit(ctx, store.Commit{
//		Events:     []event.Record{withdrawn, deposited}, // made by event.New and Registry.Encode
//		Items:      []store.ItemWrite{store.Put("transfers", "7", []byte("done"))},
//		Conditions: []store.Condition{store.AtRevision("account-ann", 3), store.ItemAt("transfers", "7", 0)},
//	})
//	item, err := st.Get(ctx, "transfers", "7")
//
// # A consistency boundary that is no stream
//
// Some rules are about more than one stream: a seat is booked once, whatever stream its booking is in. Tag what the rule is about, read
// what has the tag, decide, and append on the condition that no further record has it:
//
//	seat := store.Filter{Tags: []string{"seat:OX1/12A"}}
//	head, err := st.Head(ctx)
//	// read store.Query{Any: []store.Filter{seat}, Before: head + 1}, and decide
//	_, err = st.AppendTo(ctx, "booking-7", []any{booking}, store.NoneAfter(head, seat))
//
// # Idempotency
//
// An event's id is given when it is made. Committing the same events again returns the first receipt, with Repeated set, and
// writes nothing; so whoever did not hear the answer, because of a timeout or a crash, simply sends them again.
//
// # Limits, deletion and tombstones
//
// A stream can have metadata, [StreamMeta], that say what it keeps:
//
//	_, err := st.SetStreamMeta(ctx, "sensor-7", store.StreamMeta{MaxAge: 30 * 24 * time.Hour, MaxCount: 100_000})
//
// What is older, or more, is gone: no read returns it, Follow passes over it, and it does not count for NoneAfter. The bytes
// may stay on the disk until the driver compacts them away, and until then the ids of such events are still known, so that committing
// them again writes nothing. Revisions and positions are never given twice.
//
//	_, err := st.DeleteStream(ctx, "cart-7")     // gone, until somebody appends to it again
//	_, err := st.TombstoneStream(ctx, "user-42") // gone for good
//
// After DeleteStream the stream does not exist for conditions, and the next event gets the revision after the last one deleted. After
// TombstoneStream the name is taken for ever: appending to it is a [*TombstoneError], which answers errors.Is(err, ErrTombstone).
// Metadata are items of the bucket [StreamBucket], so that a commit can write them together with events ([PutStreamMeta]) and have
// conditions on them. Copies of what events said (documents, snapshots) are items of their own, to be deleted by whoever made them.
//
// # Promises
//
// Each is a case in storetest that every driver runs:
//
//  1. A commit is atomic across streams and items. A refused commit leaves nothing.
//  2. Conditions hold at the instant of the commit: a stream's revision, an item's revision, "no record matches this query
//     after this position". A failed one returns a [*ConflictError], which answers errors.Is(err, ErrConflict).
//  3. Positions are assigned in commit order: a reader that has seen position p never later finds a smaller new one, and nothing
//     is readable before it has the durability that its receipt tells.
//  4. Appending the same events (same ids) to the same streams again succeeds and returns the first receipt, whatever the
//     conditions say now. The same means the events of one earlier commit, all of them and in their order; a commit in which
//     ids are known otherwise is a conflict.
//  5. The receipt tells the durability reached.
//  6. A context ends every call promptly. A cancelled append has either happened or not, and a retry with the same ids is safe.
//  7. Bad input is refused before anything is written, naming the field: errors.Is(err, event.ErrInvalid).
//
// And what a stream's metadata let go is found by no read and counts for no condition, from the end of the commit on that wrote them;
// a deleted stream begins again after its last revision; a tombstoned one takes nothing.
package store
