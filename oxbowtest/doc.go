// Package oxbowtest is for the tests of programs that are made with Oxbow. It is imported by test files, beside testing.
//
// # What was published
//
// A [Recorder] stands where a program publishes, or listens to a real bus, app or store. It is asked what was published, waited for, or told what
// was expected; and it shows who caused what.
//
//	rec := oxbowtest.NewRecorder(oxbowtest.RecorderConfig{})
//	shop := NewShop(rec) // which publishes to an httpevent.Publisher, a bus, or rec.AsApp()
//	shop.Order(ctx, "42")
//	rec.Expect(t, OrderPlaced{OrderID: "42"}, MailSent{To: "ann"})
//
// # Given, when, then
//
// [Aggregate], [Command], [Consumer] and [Projection] test one thing each, over a store in memory that holds what is given:
//
//	oxbowtest.Aggregate(t, accounts).Given(Opened{}, Deposited{900}).When(Withdraw(500)).Then(Withdrawn{500})
//	oxbowtest.Consumer(t, consumer.Config{}, billing).Given(OrderPlaced{…}).When(OrderConfirmed{…}).Then(PaymentTaken{…})
//	oxbowtest.Projection(t, newTotals).Given(OrderPlaced{…}).ThenDoc("ann", Total{Orders: 1})
//
// When something else happens they tell the story, and the difference as a unified diff of JSON. [Match] says what counts.
//
// # The whole program
//
// [NewApp] returns an app over a store in memory with a recorder that hears of everything. [Settle] waits until all that follows from what was
// published has been handled; its error says who is not done, and with which record. [Store] and [Builder] make stores, events and records
// whose ids and times are the same each time. Within testing/synctest, where the clock is fake, a retry after an hour takes no time.
//
// # Faults
//
// [Simulate] runs consumers and projections over a history while processes crash, records are delivered again, the store fails, events of
// different keys overtake each other, and the clock jumps: everything that Oxbow's guarantees allow. It compares the effects with those of a
// calm run, and says whose handler is not idempotent, at which event, after the fewest faults that show it; and the seed that repeats it.
//
// # Guarantees
//
//   - What is noted by a recorder is what happened, once for each time that it happened, in order, however many ways it is heard in.
//   - Without a Committer, a recorder's receipts, conditions and repeated commits are those of a real store.
//   - An expectation that fails shows every difference and nothing that is ignored; one that says nothing about an id, a time or other
//     metadata holds whatever they are.
//   - What is given has the same ids and times in each run.
//   - A test of an aggregate fails, too, when Decide changes the state that it is given, or decides what no repository takes.
//   - A test of a consumer waits for no retry.
//   - Settle returns nil only when nobody has anything left to do; otherwise its error names everybody who has.
//   - The simulation finds, and names by part and event: handlers that charge, count or append twice, that know only the last event, that
//     refuse what they know, or that pass over an error of the store; handlers that depend on the order of different keys, on the clock or
//     on chance; projections that read more than their documents and events.
//   - Handlers whose effects are the same whatever is repeated are never accused.
//   - A seed leads to the same finding each time, as long as the handlers start no goroutines of their own.
package oxbowtest
