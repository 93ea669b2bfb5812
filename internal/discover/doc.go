// Package discover finds the handlers among the methods of a value, for all those who offer Register(x).
//
// # Handlers of events
//
// A handler is an exported method of one of these shapes, where T is an event type: a named struct (with an exported field, or
// with no fields at all: time.Time is none), or any named type with one of the methods that package event asks for, such as EventType.
//
//	func(context.Context, T) error
//	func(context.Context, event.Event[T]) error
//
// A method almost fits, and is refused together with what to change, when it has another shape and
//
//   - takes something that says itself that it is an event: an event.Event or another struct of package event, or a type with one of
//     package event's methods; also behind a pointer, in a slice, or as a variadic parameter;
//   - or takes a struct that may be an event and differs in just one thing: it has no context, or has it last; it takes a
//     pointer to the struct, or any number of structs; it does not return exactly one error.
//
// Every other method is left alone, and listed: Close() error, String() string, Run(ctx) error, Total(ctx, string) (int, error),
// ServeHTTP(w, r).
//
// A value that is not a pointer is also looked at through a pointer: a handler that only the pointer has is refused, since it
// would be missed.
//
// # Handlers of calls
//
// Commands and queries are handled by methods of these shapes, where C is a named struct as above, or any named type with the
// method of its kind ([Kind]); a query has a result always.
//
//	func(context.Context, C) error
//	func(context.Context, C) (R, error)
//
// What almost fits is refused by the same rule: everything that takes a type with the method of its kind in another shape, and what
// takes a struct that may be one and differs in just one thing. A method that takes an event, or a type with the method of
// another kind, is left alone.
package discover
