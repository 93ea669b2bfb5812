// Package projection keeps read models: documents made of events.
//
//	orders, err := projection.New[Order](st, "orders", projection.Config{})
//	projection.On(orders, func(ctx context.Context, docs *projection.Docs[Order], e event.Event[OrderPlaced]) error {
//		return docs.Put(e.Data.OrderID, Order{Customer: e.Data.Customer})
//	})
//	projection.Index(orders, "customer", func(o Order) []string { return []string{o.Customer} })
//	err = orders.Run(ctx)
//
// There are four ways to have them, with the same handlers: kept beside the log as items ([Projection]); changed in the same commit as the
// events ([Inline]); computed when asked for, as of now or of any past ([Projection.Now], At, AsOf); and, with handlers that get a
// transaction, in a database of the user's own ([SQL]).
//
// # Versions and rebuilds
//
// A generation is a set of documents, made by code of one Config.Version from the first event on. Code of a higher version begins a new
// generation beside the live one and puts it in its place when it has caught up; Rebuild does so with the same version, Config.ByHand
// leaves the moment to Switch, and SwitchBack goes back. Of several processes one works, by a lease; the others stand by, and code of
// another version than the active one stands aside, whichever process came first.
//
// What keeps the live generation up to date meanwhile: the code that works, if it is of the live version, as in a rebuild without a new
// version. Code of a new version has not got the handlers of the old one, and processes of the old version step aside for it, so the live
// documents then stay as they were when it came, until the switch; WaitFor waits for that. The documents that were live before are
// kept until the next rebuild begins, or DropPrevious.
//
// # Guarantees
//
// Each has a test:
//
//   - Exactly once: the documents that a batch of events changed, their places in indexes, and the position up to which events were
//     applied are one commit, which only the process that has the lease can make. After a crash the projection goes on where its
//     documents stand; a process that was paused and wakes up commits nothing.
//   - In order: events are applied one after the other, in order of position, however many are decoded ahead.
//   - Repeatable: rebuilding from the first event gives the same documents, byte for byte, as long as the handlers depend on nothing
//     but the document and the event, and no stream has forgotten any: a rebuild applies what streams still keep
//     (store.StreamMeta), so it also takes what was deleted out of the documents. Events that go while Run runs do not change them.
//   - Old types: a handler of an event type also gets the records of other types that upcasters lift into it.
//   - Rebuilding is invisible: readers see one generation, the live one, until another replaces it in one commit. A rebuild that is cut
//     short goes on where it stood.
//   - Effects once: [Replaying] is false for an event only until it has been applied, in whatever version; whatever is applied again is
//     replayed. Only an event whose commit failed may be new twice.
//   - Indexes are true: what By and Page find is what reading all documents would. An index that the live documents do not have is an
//     error, and makes the next Run rebuild them.
//   - Read your writes: after WaitFor, documents stand for the position, whichever process works.
//   - Inline: when Commit has returned, documents stand for its events; when it is refused, nothing is written. A rebuild loses no commit.
//   - Time travel: the view at a position is what the documents were there.
//   - A database of the user's own has each event exactly once, wherever the process is killed.
//   - Nothing is skipped: an event whose handler keeps failing halts the projection, and the error names it. In a rebuild of the same
//     version only the rebuild stops.
package projection
