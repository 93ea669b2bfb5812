// Package request asks and answers: a request goes to the responders that there are, and what they answer comes back, typed both ways.
//
//	c, err := request.Over(b, request.Config{}) // over a bus; request.New over any other driver
//	defer c.Close(ctx)
//
//	request.Handle(c, func(ctx context.Context, q PriceAsked) (Price, error) { … })
//	price, err := request.Do[Price](ctx, c, PriceAsked{SKU: "oak"})
//
// # Asking
//
// [Do] returns the first answer. [Gather] returns the answers of several responders, [Stream] the values of one as they come. A request is
// made as events are (see [event.New]): it has an id, a correlation, its cause, a user and a trace, and its topic is its type's name unless
// an option says otherwise.
//
//	prices, err := request.Gather[Price](ctx, c, PriceAsked{SKU: "oak"}, 0) // of all responders
//	for line, err := range request.Stream[Line](ctx, c, ReportAsked{Year: 2026}) { … }
//
// # Answering
//
// [Handle] and [HandleStream] answer requests of a Go type, [HandleTopic] those whose topic matches a pattern. Each request is handled in a
// goroutine of its own; [Limit] bounds them. Middleware is around the handlers: that of the carrier outside of that given by [With]. A
// [Responder] can be paused, drained and closed while others ask.
//
// # Errors
//
// What a handler returns as its error reaches the asker as an [*Error]: a code for programs, a message for people, the responder's
// name, details. Within a process it wraps the handler's own error. Between processes only the fields travel; Config.Codes names errors so that
// errors.Is finds them on the other side. The stack of a panic stays with the responder's program, in Config.OnError; the asker is told
// CodePanic and no more, but within the process errors.As also finds the *bus.PanicError.
//
// # Carriers
//
// A [Carrier] works over a [Driver]. [Over] has one for a bus, which moves Go values and serialises nothing where types match. One that moves
// bytes encodes answers with [EncodeAnswer], and is proved by package requesttest. The calls above are the same over all of them.
//
// # Guarantees
//
//   - No responder is ErrNoResponder, at once: nobody listens, or all are paused. Asking again is then safe.
//   - Each request has one outcome, also while responders come and go: an answer, or an error that says why there is none.
//   - The time-out holds whatever a handler does: Do, Gather and Stream return when their context ends, and the handler's context ends too. Do and
//     Gather without a deadline wait for Config.Timeout.
//   - A responder that goes away while it works is ErrGone, at once, and not ErrNoResponder: it may have done part of its work.
//   - The first answer wins, and the contexts of the other responders end. An error that a handler returned is an answer like another;
//     a responder that is busy or gone does not count while another may answer.
//   - A responder with a limit runs no more handlers than that, and refuses what has no room with ErrBusy at once.
//   - Gather returns what came, with an [*IncompleteError] that tells how many are missing and why, and does not wait for more responders than
//     there are.
//   - A streaming responder is never more than Config.Window values ahead, and leaving the loop ends it.
//   - Answers meet their requests, however many there are at once. An answer that comes too late is dropped.
//   - Types meet by name, as on the bus: equal Go types are passed on as they are, others are converted by the registry's codec. Data of another
//     type than is wanted are a [*MismatchError] that names both, never a zero value.
//   - What a handler publishes or asks with its context names the request as its cause.
//   - Handlers that ask, and whose handlers ask, and so on, more than 100 deep, get ErrDepth.
//   - Over a bus, a request is an event that every subscription to its topic sees. Errors of these go to Config.OnError and keep no request
//     from its answer. An event that is published is no request.
//   - Errors are typed: handlers that panic, end their goroutine, or return errors whose methods panic do no harm to the program.
//   - Once Close has returned nil, no handler and no goroutine of the carrier runs. While it waits, handlers may still ask.
//
// Askers, responders and observers share data that are not serialised: they must not change what the data refer to.
package request
