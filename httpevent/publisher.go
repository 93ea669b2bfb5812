package httpevent

import (
	"context"

	"github.com/oxbow-events/oxbow/event"
)

// Publisher is where events go. A *bus.Bus is one; [PublisherOf] makes one of an oxbow.App.
type Publisher interface {
	// Publish makes an event of data with event.New, and hands it on. The context has the values of the request's, but does not
	// end with it.
	Publish(ctx context.Context, data any, opts ...event.Option) error
}

// PublisherFunc is a function as a Publisher.
type PublisherFunc func(ctx context.Context, data any, opts ...event.Option) error

// Publish calls f.
func (f PublisherFunc) Publish(ctx context.Context, data any, opts ...event.Option) error {
	return f(ctx, data, opts...)
}

// PublisherOf returns a Publisher that calls a function with a further result, such as the receipt of an oxbow.App, which it
// drops: httpevent.PublisherOf(app.Publish).
func PublisherOf[R any](publish func(ctx context.Context, data any, opts ...event.Option) (R, error)) Publisher {
	return PublisherFunc(func(ctx context.Context, data any, opts ...event.Option) error {
		_, err := publish(ctx, data, opts...)
		return err
	})
}
