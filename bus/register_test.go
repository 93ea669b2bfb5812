package bus_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// mailer has handlers of both shapes, and methods that are none.
type mailer struct{ journal journal }

func (m *mailer) OnPlaced(_ context.Context, e event.Event[OrderPlaced]) error {
	m.journal.add("placed " + e.Data.OrderID + " " + e.AggregateID)
	return nil
}

func (m *mailer) OnPaid(ctx context.Context, e OrderPaid) error {
	cause, _ := event.CauseFrom(ctx)
	m.journal.add("paid " + e.OrderID)
	if cause.ID.IsZero() {
		return errors.New("no cause")
	}
	return nil
}

func (m *mailer) OnTicked(context.Context, Ticked) error                { return errTick }
func (m *mailer) Close() error                                          { return nil }
func (m *mailer) Run(context.Context) error                             { return nil }
func (m *mailer) String() string                                        { return "mailer" }
func (m *mailer) Total(context.Context, string) (int, error)            { return 0, nil }
func (m *mailer) ServeHTTP(http.ResponseWriter, *http.Request)          {}
func (m *mailer) hidden(context.Context, event.Event[any]) (int, error) { return 0, nil }

var errTick = errors.New("tick")

func TestRegisterSubscribesEveryHandler(t *testing.T) {
	b := bus.New(bus.Config{})
	m := &mailer{}
	report, err := b.Register(m)
	if err != nil {
		t.Fatal(err)
	}

	want := "OnPaid handles order.paid\nOnPlaced handles order.placed\nOnTicked handles ticked\n" +
		"Close() error is no handler\nRun(context.Context) error is no handler\n" +
		"ServeHTTP(http.ResponseWriter, *http.Request) is no handler\nString() string is no handler\n" +
		"Total(context.Context, string) (int, error) is no handler"
	if got := report.String(); got != want {
		t.Errorf("report is\n%s\nwant\n%s", got, want)
	}
	if name := report.Handlers[0].Subscription.Name(); name != "bus_test.mailer.OnPaid" {
		t.Errorf("the subscription's name is %q", name)
	}

	publish(t, b, OrderPlaced{OrderID: "42"})
	publish(t, b, event.From("order.paid", json.RawMessage(`{"OrderID":"42"}`)))
	if err := b.Publish(t.Context(), Ticked{}); !errors.Is(err, errTick) {
		t.Errorf("error is %v, want the method's", err)
	}
	m.journal.expect(t, "placed 42 42", "paid 42")
	_ = m.hidden
}

func TestRegisterTakesOptions(t *testing.T) {
	b := bus.New(bus.Config{})
	m := &mailer{}
	report, err := b.Register(m, bus.Named("mail"), bus.Queued(bus.Queue{}), bus.Except("OnTicked", "OnPlaced"))
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Handlers) != 1 || report.Handlers[0].Subscription.Name() != "mail.OnPaid" || len(report.Others) != 7 {
		t.Errorf("report is\n%v", report)
	}
	publish(t, b, Ticked{})
	publish(t, b, OrderPaid{})
	closeBus(t, b)
	expectStats(t, report.Handlers[0].Subscription, bus.Stats{Delivered: 1})
}

type almost struct{ journal journal }

func (a *almost) OnPlaced(context.Context, OrderPlaced) error {
	a.journal.add("placed")
	return nil
}

func (a *almost) OnPaid(OrderPaid) error { return nil }

type claimsTwice struct{ journal journal }

func (c *claimsTwice) A(context.Context, OrderPlaced) error {
	c.journal.add("a")
	return nil
}

func (c *claimsTwice) B(context.Context, otherOrderPlaced) error { return nil }

func TestRegisterIsAllOrNothing(t *testing.T) {
	b := bus.New(bus.Config{})
	var a almost
	_, err := b.Register(&a)
	want := "register: not quite handlers among the methods of *bus_test.almost:\n" +
		"\tOnPaid(bus_test.OrderPaid) error: has no context; take a context.Context first\n" +
		"correct them, or name those that are no handlers: bus.Except(\"OnPaid\")"
	if err == nil || err.Error() != want || !errors.Is(err, event.ErrInvalid) {
		t.Errorf("error is\n%v\nwant\n%s", err, want)
	}
	var c claimsTwice
	if _, err := b.Register(&c); err == nil || !strings.Contains(err.Error(), "register *bus_test.claimsTwice.B: type: order.placed is claimed by") {
		t.Errorf("error is %v", err)
	}
	publish(t, b, OrderPlaced{})
	a.journal.expect(t)
	c.journal.expect(t)
}
