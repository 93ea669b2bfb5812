// Package cqrs takes commands and queries to their handlers: [CommandBus] and [QueryBus].
//
//	b, err := cqrs.NewCommandBus(st, cqrs.Config{})
//	err = cqrs.HandleCommand(b, func(ctx context.Context, c PlaceOrder) (cqrs.Outcome[Number], error) { … })
//	number, err := cqrs.Send[Number](ctx, b, PlaceOrder{…})
//
// # Commands
//
// Any struct is a command; it is called after its Go name, PlaceOrder becomes "place.order", unless it has a method CommandType. Each
// type has one handler, of one of these shapes:
//
//	func(ctx, C) error                       // HandleNoResult; Send returns None
//	func(ctx, C) (R, error)                  // HandleCommand; Send returns the R
//	func(ctx, C) (cqrs.Events, error)        // HandleCommand; the events are appended; Send returns None
//	func(ctx, C) (cqrs.Outcome[R], error)    // HandleCommand; events, conditions, items and a result R
//
// [CommandBus.Register] finds them among the methods of a value. What a handler returns to have it written is one commit of the store:
//
//	return cqrs.Outcome[Number]{
//		Result:     number,
//		Events:     cqrs.Events{OrderPlaced{…}, cqrs.Event(StockReserved{…}, event.WithStream("stock-tea"))},
//		Conditions: []store.Condition{store.AtRevision("stock-tea", revision)},
//	}, nil
//
// When a condition does not hold, because somebody else was faster, the handler is called again, with a pause that doubles from 1 to
// 100 ms, up to Config.Attempts; so it reads what it decides on anew, and has no effects but through what it returns. Whoever
// decides on the state of one thing will like package aggregate. Its repositories commit for themselves, so they belong in handlers of
// the first two shapes, and a key is not in their commit: there aggregate.WithCommandID is what makes a command happen once.
//
// # Once only
//
// A command sent with a key, by [WithKey] or its own method IdempotencyKey, happens once: a record with its result is written in the same
// commit as its events, as the item with that key in [Bucket], on the condition that there is none. Whoever sends the same command with
// the key again gets the first result. The same means type, user and content, which is its JSON: unexported fields do not count, and
// adding a field to a command makes it another one. Keys are one space for all commands, so they should be random, or begin with what they
// are about. A result comes back from its JSON.
//
// Records are kept for Config.Retention, 7 days by default, and then no longer count. [CommandBus.Purge] deletes them, and
// [CommandBus.Run] does that every hour. Without either they take some 300 bytes each, and their results, for ever.
//
// Effects outside of the store happen at least once: a handler may be interrupted after them. Within one process two senders of one key
// wait for each other, and of several processes one commits.
//
// # Queries
//
// [HandleQuery] and [Query] are the same for questions, without keys and events. With [HandleWatch] a query can be watched:
//
//	w, err := cqrs.Watch[Orders, OrderChange](ctx, q, OpenOrders{Customer: "7"})
//	show(w.Initial)
//	for update, err := range w.Updates(ctx) { … }
//
// Its handler tells the position of the newest event that the answer has in it, and the updates are made of the events after it, as the
// log has them. Whoever is interrupted goes on with [After] the last update. Events that their stream's metadata let go meanwhile are
// not seen.
//
// # Around a handler
//
// From outside to inside: Config.Audit, the default log, Config.Middleware, the handler's own ([With]), Config.Authorize, Validate (a
// method of the command), the key, and then, once for each attempt, the handler and the commit. The default log has one line for each
// command or query, at level Debug, Warn when it failed, or Error when it panicked. It never tells what the command says, but it tells
// the handler's error. Config.NoLogging turns it off.
//
// # Guarantees
//
//   - Exactly one handler for each type. A second one is refused when it is registered, naming both.
//   - A result of another type than the handler's is refused before the handler runs; so is a command that Authorize refuses or that is not
//     valid, and one without handler, with an error that tells what there is.
//   - What a handler returns is one commit: all events, items, conditions and the key's record, or nothing.
//   - Events have the command's id as their cause, and its correlation id, user and trace.
//   - A command with a key happens once: also when it is sent at the same time, from several processes, after a restart, and when
//     the answer was lost. Another command with the key is refused. A command that failed leaves no record.
//   - A conflict, of the commit or returned by the handler, calls the handler again, a bounded number of times. A conflict about the
//     key takes none of them.
//   - An error of the handler comes back as it is. A panic, also of middleware and hooks, becomes a [*middleware.PanicError].
//   - What fails after the commit, delivery to subscriptions or the audit, comes beside the result as a [*DoneError].
//   - The answer of a watched query and its updates are the final state, without gap or duplicate, at the reader's pace.
//   - Handlers may be registered while commands are sent. A command that is sent after its handler was registered reaches it.
//   - Nothing runs on after a call: the buses start no goroutine.
package cqrs
