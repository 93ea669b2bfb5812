package aggregate_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
)

type (
	sent    struct{ To string }
	arrived struct{ Where string }
)

// parcel is an aggregate in the method form.
type parcel struct {
	Sent      time.Time
	Revision  uint64
	Position  uint64
	Where     string
	Unrelated int
}

func (p *parcel) OnSent(e event.Event[sent]) {
	p.Sent, p.Revision, p.Position = e.Time, e.Revision, uint64(e.Position)
}
func (p *parcel) ApplyArrived(e arrived) { p.Where = e.Where }
func (p *parcel) Online() bool           { return true } // neither On nor Apply
func (p *parcel) Application(e sent)     {}

func (p *parcel) Send() ([]any, error) {
	if !p.Sent.IsZero() {
		return nil, errors.New("is on its way")
	}
	return []any{sent{"Delft"}, arrived{"depot"}}, nil
}

func TestMethodsAreCalledWithTheirEvents(t *testing.T) {
	st, _ := newStore(t)
	if _, err := st.Append(t.Context(), event.From("something.else", nil)); err != nil {
		t.Fatal(err)
	}
	parcels, err := aggregate.New(st, "parcel", aggregate.Methods[parcel](), aggregate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	result, err := parcels.Execute(t.Context(), "7", (*parcel).Send)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := parcels.Load(t.Context(), "7")
	if err != nil {
		t.Fatal(err)
	}
	want := parcel{Sent: result.Events[0].Time, Revision: 1, Where: "depot"}
	if *loaded.State != want || *result.State != want {
		t.Errorf("loaded %+v, result %+v, want both %+v", *loaded.State, *result.State, want)
	}
	if _, err := parcels.Execute(t.Context(), "7", (*parcel).Send); err == nil || err.Error() != "is on its way" {
		t.Errorf("error is %v, want the method's", err)
	}
}

type (
	noMethods     struct{}
	interfaceOne  struct{}
	returnsError  struct{}
	takesContext  struct{}
	takesPointer  struct{}
	takesMany     struct{}
	twoForOneType struct{}
)

func (*interfaceOne) Apply(any)                    {}
func (*returnsError) OnSent(sent) error            { return nil }
func (*takesContext) OnSent(context.Context, sent) {}
func (*takesPointer) OnSent(*sent)                 {}
func (*takesMany) OnSent(...sent)                  {}
func (*twoForOneType) OnSent(sent)                 {}
func (*twoForOneType) ApplySent(event.Event[sent]) {}
func refused[T any]() func(t *testing.T) error     { return newOf[T] }
func newOf[T any](t *testing.T) error {
	st, _ := newStore(t)
	_, err := aggregate.New(st, "parcel", aggregate.Methods[T](), aggregate.Config{})
	return err
}

func TestMethodsThatDoNotFitAreRefused(t *testing.T) {
	for want, try := range map[string]func(*testing.T) error{
		"has none for events":                       refused[noMethods](),
		"Apply: takes what has no event type":       refused[interfaceOne](),
		"OnSent: returns something":                 refused[returnsError](),
		"OnSent: takes something else than one":     refused[takesContext](),
		"is a pointer; use the type that it points": refused[takesPointer](),
		"OnSent: takes something else":              refused[takesMany](),
		"is for the same event type as ApplySent":   refused[twoForOneType](),
	} {
		if err := try(t); !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want it to say %q", err, want)
		}
	}
}

func TestGivenReturnsTheStateAfterEvents(t *testing.T) {
	if got := accounts.Given(opened{}, deposited{5}, withdrawn{2}); !got.Open || got.Balance != 3 {
		t.Errorf("state is %+v", got)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	given := aggregate.Methods[parcel]().Given(event.Event[sent]{Metadata: event.Metadata{Time: at}}, arrived{"Delft"})
	if *given != (parcel{Sent: at, Where: "Delft"}) {
		t.Errorf("state is %+v", *given)
	}
	evolved := aggregate.Methods[parcel]().Evolve(given, arrived{"Gouda"})
	if evolved.Where != "Gouda" {
		t.Errorf("state is %+v", *evolved)
	}
}

func TestGivenPanicsForEventsThatAreNotListed(t *testing.T) {
	defer func() {
		if p := recover(); p == nil {
			t.Error("no panic: a test would pass without its event")
		}
	}()
	accounts.Given(opened{}, sent{})
}

type (
	paid       struct{ ID string }
	otherTwice struct{}
)

func (p paid) AggregateID() string   { return p.ID }
func (otherTwice) EventType() string { return "opened" }

func TestBadDecidersAndConfigsAreRefused(t *testing.T) {
	st, _ := newStore(t)
	decider := func(change func(d *aggregate.Decider[account, any])) aggregate.Decider[account, any] {
		d := accounts
		change(&d)
		return d
	}
	as := func(events ...any) aggregate.Decider[account, any] {
		return decider(func(d *aggregate.Decider[account, any]) { d.Events = events })
	}
	every := func(n int) aggregate.Config { return aggregate.Config{Snapshots: aggregate.Snapshots{Every: n}} }
	newAccounts(t, st, aggregate.Config{})
	for want, c := range map[string]struct {
		name    string
		decider aggregate.Decider[account, any]
		cfg     aggregate.Config
	}{
		"aggregate name: is empty":         {"", accounts, aggregate.Config{}},
		"write it as bank.account":         {"bank-account", accounts, aggregate.Config{}},
		"Decide: is missing":               {"account", decider(func(d *aggregate.Decider[account, any]) { d.Decide = nil }), aggregate.Config{}},
		"Evolve: is missing":               {"account", decider(func(d *aggregate.Decider[account, any]) { d.Evolve = nil }), aggregate.Config{}},
		"Events: is empty":                 {"account", as(), aggregate.Config{}},
		"Events[1]: type":                  {"account", as(opened{}, nil), aggregate.Config{}},
		"Events[0]: type: *aggregate_test": {"account", as(&opened{}), aggregate.Config{}},
		"opened is claimed by":             {"account", as(otherTwice{}), aggregate.Config{}},
		"says that it is about a paid":     {"account", as(paid{}), aggregate.Config{}},
		"Snapshots.Every: is negative":     {"account", accounts, every(-1)},
		"Snapshots.Age: is negative":       {"account", accounts, aggregate.Config{Snapshots: aggregate.Snapshots{Age: -1}}},
		"Snapshots.Version: is negative":   {"account", accounts, aggregate.Config{Snapshots: aggregate.Snapshots{Version: -1}}},
		"Ignore[0]: \"a b\"":               {"account", accounts, aggregate.Config{Ignore: []string{"a b"}}},
	} {
		_, err := aggregate.New(st, c.name, c.decider, c.cfg)
		if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want it to say %q", err, want)
		}
	}
	d := as(paid{})
	if _, err := aggregate.New(st, "paid", d, aggregate.Config{}); err != nil {
		t.Errorf("an event about a paid in the aggregate paid: %v", err)
	}
}
