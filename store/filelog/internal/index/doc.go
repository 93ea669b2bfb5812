// Package index finds positions: of an event id, a stream, a type, a tag, a correlation id.
//
// What is newest stands in a [Table] in memory. A table that is full is written as a [Run], a file that never changes and is
// mapped; runs that lie beside each other are merged into larger ones, so that there are few of them however many events there are.
// A run is sorted by the hashes of its keys. In front of them stand blocks, which say where the keys of a part of all hashes are, and have a
// filter, so that looking for what it does not have costs one look. Every page has a checksum, which is checked when the page is first
// used. Runs are looked through together, so that memory is waited for once: see docs/adr/0015-memory-is-waited-for-together.md.
//
// Keys are known by hashes. Those of streams have 128 bits and are taken for equal when these are; all others have 64, and whoever
// reads the record finds out whether it is the right one.
//
// Nothing here is needed to know what is in a log. A run that is lost or damaged is made again.
package index
