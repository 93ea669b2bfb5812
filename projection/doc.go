// Package projection keeps read models: documents made of events, stored as items beside the log.
//
// Guarantees, each with a test:
//
//   - Exactly once: the documents that a batch of events changed and the position up to which they were read are one commit. After a
//     crash the projection goes on where its documents stand.
//   - In order: events are applied one after the other, in order of position.
//   - Repeatable: rebuilding from the first event gives the same documents, byte for byte, as long as the handlers depend on nothing
//     but the document and the event, and no stream has forgotten any: a rebuild applies what streams still keep
//     (store.StreamMeta), so it also takes what was deleted out of the documents. Events that go while Run runs do not change them.
//   - Old types: a handler of an event type also gets the records of other types that upcasters lift into it.
//   - Rebuilding is invisible: a new generation of documents is built beside the one that is read, then replaces it in one commit.
//   - Nothing is skipped: an event whose handler keeps failing halts the projection, and the error names it.
//   - One run moves a projection: a second one ends with consumer.ErrTaken when it saves.
package projection
