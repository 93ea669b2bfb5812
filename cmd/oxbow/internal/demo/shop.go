package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
)

// OrderPlaced is what a customer does.
type OrderPlaced struct {
	OrderID  string `json:"order_id"`
	Customer string `json:"customer"`
	Item     string `json:"item"`
	Total    int64  `json:"total"` // cents
}

// AggregateID makes order-1a2b the stream.
func (e OrderPlaced) AggregateID() string { return e.OrderID }

// EventTags finds all that a customer ordered.
func (e OrderPlaced) EventTags() []string { return []string{"customer:" + e.Customer} }

// OrderPaid is what the payment service makes of it.
type OrderPaid struct {
	OrderID string `json:"order_id"`
	Amount  int64  `json:"amount"` // cents
	Method  string `json:"method"`
}

// AggregateID keeps the order's events together.
func (e OrderPaid) AggregateID() string { return e.OrderID }

// OrderShipped is what the warehouse does once an order is paid.
type OrderShipped struct {
	OrderID string `json:"order_id"`
	Carrier string `json:"carrier"`
}

// AggregateID keeps the order's events together.
func (e OrderShipped) AggregateID() string { return e.OrderID }

// Shop places orders and, through two consumers, has them paid and shipped.
type Shop struct {
	app  *oxbow.App
	pace time.Duration // the mean time between two orders; the work of the consumers takes about as long
}

// Pace is the mean time between two orders.
const Pace = 500 * time.Millisecond

// NewShop returns a shop whose consumers the app runs.
func NewShop(app *oxbow.App, pace time.Duration) *Shop {
	s := &Shop{app: app, pace: pace}
	others := consumer.Config{Spent: consumer.Skip} // anybody may publish order.placed here, or delete an order: the shop stays open
	app.Consume("demo-payment", others, consumer.On(s.pay))
	app.Consume("demo-shipping", others, consumer.On(s.ship))
	return s
}

var (
	customers = [...]string{"ada", "barbara", "edsger", "grace", "ken", "leslie", "margaret", "tony"}
	items     = [...]string{"anchor", "compass", "lantern", "oar", "rope", "sail"}
	methods   = [...]string{"card", "invoice", "transfer"}
	carriers  = [...]string{"barge", "canoe", "ferry"}
)

func any1[T any](of []T) T { return of[rand.IntN(len(of))] }

// Run places orders until ctx ends.
func (s *Shop) Run(ctx context.Context) error {
	for {
		if err := s.pause(ctx); err != nil {
			return nil
		}
		order := OrderPlaced{
			OrderID: fmt.Sprintf("%08x", rand.Uint32()), Customer: any1(customers[:]), Item: any1(items[:]), Total: 500 + rand.Int64N(20_000),
		}
		if _, err := s.app.Publish(ctx, order, event.WithSource("oxbow:demo")); err != nil && ctx.Err() == nil {
			return fmt.Errorf("demo: place an order: %w", err)
		}
	}
}

// pause waits for between half of and one and a half times the pace.
func (s *Shop) pause(ctx context.Context) error {
	return backoff.Sleep(ctx, s.pace/2+rand.N(s.pace+1))
}

var errPayment = errors.New("the card reader did not answer (on purpose: this is the demo)")

var errNoOrder = consumer.Permanent(errors.New("there is no order_id, so it belongs to no order"))

const failingPayments = 25 // one in so many attempts fails

func (s *Shop) pay(ctx context.Context, e event.Event[OrderPlaced]) error {
	if e.Data.OrderID == "" {
		return errNoOrder
	}
	if err := s.pause(ctx); err != nil {
		return err
	}
	if rand.IntN(failingPayments) == 0 {
		return errPayment
	}
	paid := OrderPaid{OrderID: e.Data.OrderID, Amount: e.Data.Total, Method: any1(methods[:])}
	_, err := s.app.Publish(ctx, paid, event.WithID(e.ID.Derive("paid")), event.WithSource("oxbow:demo"))
	return err
}

func (s *Shop) ship(ctx context.Context, e event.Event[OrderPaid]) error {
	if e.Data.OrderID == "" {
		return errNoOrder
	}
	if err := s.pause(ctx); err != nil {
		return err
	}
	shipped := OrderShipped{OrderID: e.Data.OrderID, Carrier: any1(carriers[:])}
	_, err := s.app.Publish(ctx, shipped, event.WithID(e.ID.Derive("shipped")), event.WithSource("oxbow:demo"))
	return err
}
