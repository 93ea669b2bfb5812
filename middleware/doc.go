// Package middleware wraps handlers of every kind: of bus subscriptions, consumers, commands, queries and requests.
//
// A room takes a list of them for all of its handlers (its Config.Middleware), and more for one handler (With). The first of a list
// is the outermost: it sees a call first and its result last; a room's list is outside of a handler's own. [Chain] joins several.
//
// # What there is, in the recommended order
//
// From the outermost to the innermost. All are optional.
//
//   - [Correlate] makes sure that what the handler publishes names its cause. First, so that all others see the correlation id.
//   - [Logging] writes a line for each call. Outside of whatever refuses, repeats or retries a call, so that the line tells the
//     outcome that the caller gets, and how long the caller waited.
//   - [Recover] turns a panic into an error. Inside of Logging, which writes it down; outside of the rest, whose own state survives a
//     panic (a Breaker counts it, Deduplicate forgets the call, Concurrency frees its place). So Retry does not repeat a panic: it is a
//     mistake in the program, which a moment later is still there. A consumer, which waits longer, does.
//   - [Validate] refuses what is wrong in itself. Before anything is spent on it: a bad call is neither remembered nor held against the
//     handler.
//   - [Deduplicate] answers repetitions. Outside of the Breaker and the limits: an answer from memory costs no token, and can be given
//     while the handler is out of order.
//   - [Breaker] stops calling what keeps failing. Outside of Retry, so that a call counts once however often it was tried, and an open
//     breaker ends it at once instead of being asked again.
//   - [Retry] calls again. Outside of the limits and the Timeout, which are for each attempt.
//   - [RateLimit] spaces calls out in time. Inside of Retry, since each attempt is work for whatever the limit protects.
//   - [Concurrency] limits how many run at the same time. Inside of RateLimit, so that no place is taken while waiting for a token,
//     and of Retry, so that none is while waiting for the next attempt.
//   - [Timeout] limits how long a handler may take. Innermost, so that no waiting of those further out counts.
//
// # What they keep, and for whom
//
// Deduplicate keeps a memory for each handler that it wraps. RateLimit, Concurrency and a Breaker are shared by all handlers that they
// wrap; to keep handlers apart make one for each of them, or give RateLimit a Key. All memory is bounded, all of it is the process's
// own, and none of it starts a goroutine. They may be called at the same time.
//
// # Mistakes
//
// What returns a Func stands in lists, and so panics when it is given what cannot work, naming the field: that is a mistake in the
// program, found at its start. For values from outside of the program there is the method Check of each Config. A Breaker, which is
// kept to be asked for its status, is made by [NewBreaker], which returns an error.
//
// # What an error says about trying again
//
// [Permanent] and [RetryAfter] mark errors for Retry and for consumers alike; package consumer has both under the same names. An
// [*OpenError] and a [*LimitedError] say by themselves when trying again makes sense, if they know: a consumer whose handlers are
// behind an open Breaker waits until that lets calls through.
package middleware
