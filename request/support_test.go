package request_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

type PriceAsked struct{ SKU string }

type Price struct {
	SKU   string
	Cents int64
}

// over returns a carrier over a bus of its own, closed at the end of the test.
func over(t *testing.T, cfg request.Config) (*request.Carrier, *bus.Bus) {
	t.Helper()
	b := bus.New(bus.Config{Registry: cfg.Registry})
	c, err := request.Over(b, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(c.Close(ctx), b.Close(ctx)); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c, b
}

func handle[Q, R any](t *testing.T, c *request.Carrier, fn func(context.Context, Q) (R, error), opts ...request.Option) *request.Responder {
	t.Helper()
	r, err := request.Handle(c, fn, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// oak answers every question with the same price.
func oak(_ context.Context, q PriceAsked) (Price, error) { return Price{q.SKU, 995}, nil }

// cents returns a handler that knows one price.
func cents(n int64) func(context.Context, PriceAsked) (Price, error) {
	return func(_ context.Context, q PriceAsked) (Price, error) { return Price{q.SKU, n}, nil }
}

// patient is a handler that waits until its context ends.
func patient(ctx context.Context, _ PriceAsked) (Price, error) {
	<-ctx.Done()
	return Price{}, ctx.Err()
}

// deaf returns a handler that waits for release whatever its context says.
func deaf(release chan struct{}) func(context.Context, PriceAsked) (Price, error) {
	return func(context.Context, PriceAsked) (Price, error) {
		<-release
		return Price{Cents: 1}, nil
	}
}

func ask(t *testing.T, c *request.Carrier) (Price, error) {
	t.Helper()
	return request.Do[Price](t.Context(), c, PriceAsked{"oak"})
}

func expectError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("the error is %v, want %v", err, want)
	}
}

// reports remembers what Config.OnError was told.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) note(_ context.Context, _ event.Event[any], err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) all() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}
