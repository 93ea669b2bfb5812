package middleware

import (
	"context"

	"github.com/oxbow-events/oxbow/event"
)

// Validate refuses a call whose Data have a method Validate() error, on the value or a pointer to it, that returns an error: with an
// error that answers to event.ErrInvalid, wraps theirs, and is [Permanent].
//
// It is made for commands, queries and requests. Events are asked when they are made ([event.New]), before anything is stored or
// delivered; and a record's Data are bytes, which have happened and are not asked.
func Validate() Func {
	return func(next Handler) Handler {
		return func(ctx context.Context, c *Call) (any, error) {
			if err := event.Validate(c.Data); err != nil {
				return nil, Permanent(err)
			}
			return next(ctx, c)
		}
	}
}
