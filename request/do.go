package request

import (
	"context"

	"github.com/oxbow-events/oxbow/event"
)

// Do sends a request and returns the first answer to it. q is what [event.New] takes: any named struct, an event, or a map whose key
// "type" names the type. With several responders, the contexts of the others end; one that is busy or goes away does not count while
// another one may answer.
//
// Errors: ErrNoResponder at once when nobody listens, ErrBusy, ErrGone, ErrClosed, an [*Error] that the responder returned, a [*MismatchError]
// when the answer is of another type than R, and the context's error. A context without a deadline gets Config.Timeout.
func Do[R any](ctx context.Context, c *Carrier, q any, opts ...event.Option) (R, error) {
	var none R
	ctx, a, err := c.ask(ctx, q, 1, true, opts)
	if err != nil {
		return none, err
	}
	defer a.end()
	answer, err := a.first(ctx, false)
	if err != nil {
		return none, err
	}
	data, err := read[R](c, &answer)
	if err != nil {
		return none, a.failure(err)
	}
	return data, nil
}
