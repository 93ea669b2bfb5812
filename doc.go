// Package oxbow is the front door: an [App] joins a store, an in-process bus, consumers and projections, so that a program publishes
// an event once and everything that reacts to it does. Commands, queries and requests go through it, too.
//
//	app := oxbow.New(driver, oxbow.Config{})
//	oxbow.Subscribe(app, func(ctx context.Context, e event.Event[OrderPlaced]) error { … }) // live, in this process
//	app.Consume("billing", consumer.Config{}, consumer.On(charge))                          // durable: retries, resumes
//	receipt, err := app.Publish(ctx, OrderPlaced{OrderID: "42", Total: 1999})
//	oxbow.HandleCommand(app, place) // func(context.Context, PlaceOrder) (cqrs.Events, error)
//	reply, err := app.Send(ctx, PlaceOrder{OrderID: "43"}) // or oxbow.Send[R], which returns an R
//	err = app.Run(ctx)
//
// Guarantees, each with a test:
//
//   - An event is stored before anything in the process hears of it; what could not be stored is not delivered.
//   - Publishing the same event (same id) again stores and delivers nothing.
//   - Subscriptions are live: they hear of what this App publishes while they exist, at most once. Consumers and projections hear of
//     everything in the store, from wherever it came, at least once and exactly once.
//   - A mistake in what was registered (two consumers with one name, a pattern that makes no sense) is returned by every Publish and
//     by Run, before they do anything.
//   - What a command's handler decides is stored, and then delivered to subscriptions, as what is published.
//   - The app's middleware is around the handlers of all rooms, outside of what these have of their own. Its hooks are told of each
//     publish, append and attempt once.
//   - Run returns when all it started has ended. The first consumer or projection that fails ends it, with its error.
package oxbow
