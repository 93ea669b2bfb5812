// Package parked is how dead letters are kept as items: what package consumer writes and package deadletter shows.
//
// A [Letter] is a record that a consumer gave up (Failed), or one that waits behind such a record of its key (Waiting). The items of
// the consumer NAME, where P is a position of 20 digits, S a slot of 4 and H a [Hash] of 16 hex digits:
//
//	bucket                         key        value
//	oxbow.deadletter               NAME       Count: how many letters there are
//	oxbow.deadletter/NAME          P          the letter without its data
//	oxbow.deadletter.data/NAME     P/NNNN     the data after so many edits, byte for byte; 0000 is what was stored
//	oxbow.deadletter.key/NAME      S/H/P      Entry: the letter's state and size. So a slot's keys are found without their letters
//	oxbow.deadletter.redrive/NAME  S/H        Request: somebody wants this key to go on
//
// [Writes] makes the writes and conditions of a [Change] of them, to be committed with whatever belongs to it:
//
//	count, err := parked.LoadCount(ctx, st, name)                // once; then keep the one that Writes returns
//	w, err := parked.Writes(name, count, parked.Change{Park: []parked.Letter{…}, Resolved: …, Again: …, Unask: …})
//	receipt, err := st.Commit(ctx, store.Commit{Items: w.Items, Conditions: w.Conditions, …})
//	count = w.Count.At(receipt.ItemRevision)                     // after a conflict: LoadCount, and look again at what was read
//
// The other functions:
//
//	CheckName(name) error                                          // before the first letter: names have at most MaxName bytes
//	HashOf(key) Hash
//	Keys(ctx, st, name, slot) iter.Seq2[Hash, error]               // that are parked
//	OfKey(ctx, st, name, slot, hash, after, limit) ([]Letter, error) // with data, in order of position
//	Requests(ctx, st, name, slot, limit) ([]Request, error)        // in order of hash
//	Asked(ctx, st, name) (bool, error)                             // whether there is any request
//	Read(ctx, st, name, position) (Letter, error)                  // with data; ErrNone when there is none
//	Head(ctx, st, name, position) (Letter, error)                  // without data
//	Has(ctx, st, name, position) (bool, error)
//	Entries(ctx, st, name, from, to) iter.Seq2[Entry, error]       // of all keys, or a range of them
//
// Rules that keep it whole:
//
//   - The letters of a key belong to its slot's owner. It alone parks, and it commits with the condition that the slot is still its own.
//   - A key is parked as long as it has an entry, or a request; and it has a letter that failed, or a request. Whoever removes the one that
//     failed without having it handled (discard) writes a request in the same commit. So the owner learns from requests alone that a key may be free, and parks behind
//     it until then.
//   - The owner takes a requested key's letters in order. A letter that succeeds is Resolved. One that fails again is written back
//     with Again, and its request taken away with Unask in the same commit. When OfKey returns none, the request is taken away with
//     Unask, and then the key is free.
//   - A record that a rewound consumer reads again may have a letter already (Has); then it is not parked a second time, which Writes'
//     conditions refuse.
//   - Letters and requests are changed only as they were read: a Change holds the revisions, and a commit that comes between is a
//     conflict (store.ErrConflict).
package parked
