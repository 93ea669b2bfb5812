// Package store keeps events: [Store] is what programs hold, [Driver] is what an engine implements.
//
// A [Commit] writes events, conditions and items together, all or nothing. [Query] reads records by stream, type, tag,
// correlation and position; [Store.Follow] reads on as new ones arrive.
//
// Promises, each a case in storetest that every driver runs:
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
package store
