// Package bus delivers events within a process: published here, handled here, nothing written anywhere.
//
//	b := bus.New(bus.Config{})
//	bus.Subscribe(b, func(ctx context.Context, e event.Event[OrderPlaced]) error { … })
//	b.SubscribeTopic("order.**", func(ctx context.Context, e event.Event[any]) error { … })
//	err := bus.Publish(ctx, b, OrderPlaced{OrderID: "42"})
//
// A subscription listens by Go type ([Subscribe]), by topic pattern ([Bus.SubscribeTopic]), or is found among the methods of a
// value ([Bus.Register]); beside either by a predicate on content ([Where]), and perhaps for one event only ([Once]). It is handled in the publisher's
// goroutine (the default), or through a bounded queue ([Queued]). Middleware wraps its handler ([Config].Middleware, [With]). A feed
// ([Broadcast], [Bus.BroadcastTopic]) has no handler: any number of readers pull from its ring, each at its own pace.
//
// Events whose Go type is known are published with [Publish], everything else with [Bus.Publish], which takes maps too.
//
// Guarantees:
//
//   - Types meet by name. A handler of T gets every event of T's event type: without serialising when the data is a T, else
//     converted by the registry's codec, be it a map, raw JSON or another Go type.
//   - Errors of sync handlers are all collected and returned to the publisher, each a [*HandlerError]. Errors of queued handlers go
//     to Config.OnError. One handler's error keeps no other from running.
//   - A panic in a handler, a middleware or a predicate becomes an error with its stack ([*PanicError]).
//   - Order: what one goroutine publishes reaches a subscription first in, first out; with several workers, per key. An event is
//     put into all queues first and then given to the sync handlers in the order of subscription, so that what those publish
//     comes after it in every queue. (A sync handler that publishes is called back for the inner event within the outer one.)
//   - Causation: what a handler publishes with its context names the handled event as its cause.
//   - Middleware of the bus is outside of that of a subscription, and of several the first is the outermost. It is composed when
//     subscribing. Where there is none, nothing is done for it.
//   - A predicate is asked by the publisher; what it does not want is not delivered, queued or counted.
//   - A subscription with Once is delivered one event at most, however many publish at the same time.
//   - A queued handler's context carries the publisher's values but not its cancellation. It ends when Close gives up.
//   - A full queue does what its subscription says, and every event is counted: it was delivered, failed, was dropped, or its
//     publisher was told.
//   - Queues never wait for each other in a circle: instead the publisher gets [ErrFull].
//   - A queue keeps its order and its bound whatever its number of workers, and allocates nothing for an event in steady state.
//   - Every reader of a feed gets every event whose publishing begins after [Feed.All] returned, in the same order, or is told how many it
//     missed because it was too slow. Publishing never waits for readers.
//   - A paused subscription ([Subscription.Pause]) handles nothing: its queue fills up and then follows its policy, a sync one is passed
//     over and counts that, readers wait. Closing and draining end a pause.
//   - [Subscription.Drain] that gives up drops nothing; a handler that would wait for itself gets an error at once.
//   - A handler that blocks for ever holds up nobody who closes or drains with a context that ends.
//   - Published = delivered + failed + dropped + refused + skipped, for each subscription, and read + missed + left for each reader,
//     whatever comes, pauses, drains and goes meanwhile. [Bus.Subscriptions] shows it, and so who is slow.
//   - Publishing takes no lock that subscribing holds, and costs the same however many other types and patterns have subscriptions.
//     A typed event allocates once for all sync handlers of its type.
//   - Subscriptions may come and go at any time, also within handlers. Once [Subscription.Close] has returned nil, its
//     handler does not run and never will again.
//   - Once [Bus.Close] has returned nil, every event that was taken has been handled, with all that handlers published
//     in turn, and no goroutine of the bus is left. (After a Close that gave up, only the latter.)
//   - Register subscribes every method that is a handler, or none; a method that almost is one is refused.
//
// What a sync handler may do to its publisher and to the bus (a queued one's misdeeds stay in its queue):
//
//   - It blocks: its publisher waits, whatever its context, and the sync handlers after it too. Other publishers go on. Close
//     gives up with its context and names the subscription; the handlers after it are then no longer called.
//   - It publishes to its own topic: it is called again within itself. [Config].Depth limits that: the publish that is too deep gets
//     [ErrDepth], which every handler on the way may return. A queue between ends the nesting. Whoever publishes with a
//     context that is not made from the handler's is not recognised, and recursion without end then ends the program, as in any Go code.
//   - It cancels its own subscription: fine. It closes it, the bus, or the subscription of a handler further out, or waits for Idle: it gets an error at
//     once, since it would wait for itself. With a foreign context it does wait for itself, until that context ends.
//   - It ends its goroutine (runtime.Goexit): the publisher's goroutine ends with it, and the event goes to none of the sync handlers
//     after it. The event counts as Failed, and the bus goes on.
//
// Handlers share the event: they must not change its Data (where it refers to memory), Tags or Headers.
package bus
