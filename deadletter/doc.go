// Package deadletter is for whoever looks after a consumer's dead letters: the records that it could not handle and parked, and those
// that wait behind them.
//
//	letters, err := deadletter.New(st, "billing")
//	page, err := letters.List(ctx, deadletter.Filter{Types: []string{"order.placed"}}, 0, 0)
//	letter, err := letters.Get(ctx, page.Letters[0].Record.Position) // with payload, error, stack, attempts
//
//	// mend the handler, or the letter, and let its key go on:
//	report, err := letters.Redrive(ctx, deadletter.Filter{Key: letter.Key}, deadletter.Options{By: "ann"})
//
//	// or give it up:
//	report, err = letters.Discard(ctx, deadletter.Filter{Position: 42}, deadletter.Options{By: "ann", Why: "a test order"})
//
// A record that spent its attempts is a letter that is Failed. Later records of its key (by default its stream) become letters that are
// Waiting, so that their order is kept; other keys are not held up. Redrive asks the consumer, which need not run at that time, to let a
// key go on: it tries the first letter, and as long as each succeeds, those behind it. Package consumer parks, and says how many letters a
// consumer may have.
//
// Guarantees, each with a test:
//
//   - Order: a letter is never redriven before an earlier one of its key. One that waits behind a letter that is not redriven stays, and the
//     report says behind which.
//   - Discarding the letter of a key that failed lets those behind it go on, with a request in the same commit.
//   - Nothing is lost and nothing done twice when a redrive, a discard or an edit is ended at any point, also by a crash, and run again.
//   - Everything is compared and set: several people and running consumers at once leave each letter handled, discarded or still there,
//     once. An edit of a letter that changed since it was read is refused.
//   - An edit is kept with who, why, when, and the data and headers before and after it. The record in the log stays as it is. Data that
//     are not what the record's content type says are refused, as is what no event may have.
//   - The journal has an entry for each commit that somebody's action made, in that commit; the newest 10,000 are kept.
//   - The count equals what is listed, after every commit.
//   - Memory is bounded by a page, however many letters there are; a page reads no payloads.
//   - An item that is damaged is named in the error or the report, and does not keep others from being listed, redriven or discarded;
//     discarding its position removes it.
//   - What makes no sense is refused by name, and so is a filter that leaves nothing out without Options.All, and a discard without a
//     reason. A dry run writes nothing and reports what the run would.
package deadletter
