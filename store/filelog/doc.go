// Package filelog is the embedded engine: a store driver over a folder, with nothing beside it to install or run.
//
//	l, err := filelog.Open("oxbow-data", filelog.Config{})
//	st := store.New(l, store.Config{})
//
// The folder holds
//
//	LOCK                           who has it open
//	log/00000000000000000001.seg   segments, named by their first commit: the truth
//	index/*.run, *.pos             where things are; made again when lost
//	items/                         the items, in Pebble; made again when lost
//	ARCHIVE                        where segments lie that Trim moved away, see archive.go
//
// A segment is a header and frames, see header.go, frame.go, entry.go, record.go, item.go, gone.go and seal.go for every byte. A commit is
// one frame with all of its events and items. Segments are only ever appended to, and a full one is replaced as a whole when
// it is compacted. It ends with a seal that holds the
// SHA-256 of it, and the next one's header repeats that, so that the segments form a chain.
//
// One goroutine, the sequencer, takes all commits that wait, decides them in order, writes them with one write, syncs once,
// lets readers see them, and acknowledges them; meanwhile the next batch gathers. No timer is involved: a lone writer waits for its
// own sync only. Where nothing is synced, a writer whom nobody is ahead of does all that by itself. Zeros are written ahead of the log, which makes syncs cheaper; see docs/adr/0014-zeros-ahead-of-the-log.md.
//
// The index of the newest segment is in memory. That of the others is in files beside the log, which a goroutine writes and merges. What is
// in memory is bounded by the size of a segment, however many streams and events there are; see docs/adr/0013-index-and-items-on-disk.md.
//
// Guarantees, beside the promises of package store:
//
//   - What was acknowledged is there after the process was killed, once, in order and at the position acknowledged; of what was
//     not, a commit is there whole or not at all. The same holds after a power cut, a sync that failed and a full disk, as
//     docs/adr/0008-faults-of-the-disk.md describes them.
//   - Nothing is readable before it is on the disk, unless Config.NoSync says otherwise.
//   - Positions are 1, 2, 3… without gaps. Item revisions are the numbers of the commits that wrote them.
//   - A bit that flipped is never skipped silently. A read checks every record and every page of the index that it uses. Opening checks the
//     newest segment and the ends of all others, and refuses a log whose acknowledged bytes are not what was written, as far as
//     later bytes can prove that they were acknowledged; it cuts off only what a crash can have left: that is the last batch before
//     the crash, and nothing at all once the log was closed in order or opened again.
//   - Opening takes about as long as reading the newest segment, also after the process was killed, unless the index or the items were lost.
//   - An error of the disk stops all writing until the log is opened anew; what was acknowledged stays readable.
//   - One process holds a folder. The lock goes with the process, however it ends.
//   - Compact and Trim change no answer: positions and revisions stay what they are, writers and readers go on, and a crash leaves each
//     segment as it was or as it should become.
//   - A backup holds every commit up to one moment, and no other; one that was interrupted is never taken for whole.
//   - Damage in what nobody reads is found by the background scrub, and told once.
//   - [Verify] changes nothing and reports every damage with file, offset and position.
package filelog
