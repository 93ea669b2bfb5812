// Package memory is a store driver that keeps everything in the memory of one process: for tests, trials and caches.
//
// It keeps the promises of package store, with the durability [store.InMemory]: everything is gone when the process ends.
// What is gone by a stream's metadata is hidden, and takes room until Close; nothing is compacted away. The clock is time.Now.
// Positions are 1, 2, 3… without gaps. Reads by event id, stream, type, tag or correlation look only at records that carry what
// was asked for; other reads walk the range of positions. No lock is held while an iteration yields, so the caller may append in
// the middle of it.
package memory
