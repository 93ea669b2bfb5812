package request

import (
	"context"
	"errors"
	"iter"

	"github.com/oxbow-events/oxbow/event"
)

// Stream sends a request when the loop over it begins, and yields the values of the responder that answers first; a responder that is not
// streaming yields one. Leaving the loop ends the responder's context, and so does the end of ctx. Each loop is a request of its own.
//
// An error comes last, with R's zero value; the errors are those of Do. There is no time-out but that of ctx. The responder is never more
// than Config.Window values ahead.
func Stream[R any](ctx context.Context, c *Carrier, q any, opts ...event.Option) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		if err := stream(ctx, c, q, opts, yield); err != nil {
			var none R
			yield(none, err)
		}
	}
}

// stream yields the values, and returns the error that comes after them.
func stream[R any](ctx context.Context, c *Carrier, q any, opts []event.Option, yield func(R, error) bool) error {
	if err := c.check(); err != nil {
		return err
	}
	ctx, a, err := c.ask(ctx, q, c.cfg.Window, false, opts)
	if err != nil {
		return err
	}
	defer a.end()
	answer, err := a.first(ctx, true)
	if err != nil {
		return err
	}
	a.answers.Keep(answer.From)
	for ; err == nil; answer, err = a.next(ctx) {
		if answer.Err != nil {
			return a.failure(answer.Err)
		}
		if answer.Empty {
			return nil
		}
		data, err := read[R](c, &answer)
		if err != nil {
			return a.failure(err)
		}
		if !yield(data, nil) || answer.Last {
			return nil
		}
	}
	if errors.Is(err, ErrNoMore) {
		err = ErrGone // it ended without a last answer
	}
	return a.failure(err)
}
