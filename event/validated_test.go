package event_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

var errNegative = errors.New("the total is negative")

// invoice is asked by value, receipt by pointer.
type (
	invoice struct{ Total int }
	receipt struct {
		Total int
		asked int
	}
	list[T any] struct{ Items []T }
)

func (i invoice) Validate() error { return checkTotal(i.Total) }

func (r *receipt) Validate() error {
	r.asked++
	return checkTotal(r.Total)
}

func (l list[T]) Validate() error { return checkTotal(len(l.Items) - 1) }

func checkTotal(total int) error {
	if total < 0 {
		return &totalError{total}
	}
	return nil
}

type totalError struct{ total int }

func (e *totalError) Error() string        { return errNegative.Error() }
func (e *totalError) Is(target error) bool { return target == errNegative }

func TestInvalidDataAreRefusedWithTheirError(t *testing.T) {
	replaced := func(e *event.Event[any]) { e.Data = invoice{-1} }
	for _, c := range []struct {
		name string
		data any
		opts []event.Option
		want string
	}{
		{"value", invoice{-1}, nil, "data: event_test.invoice is not valid: the total is negative"},
		{"pointer to a value", &invoice{-1}, nil, "data: event_test.invoice is not valid: the total is negative"},
		{"pointer receiver, value", receipt{Total: -1}, nil, "data: event_test.receipt is not valid: the total is negative"},
		{"pointer receiver, pointer", &receipt{Total: -1}, nil, "data: event_test.receipt is not valid: the total is negative"},
		{"typed event", event.Event[invoice]{Data: invoice{-1}}, nil, "data: event_test.invoice is not valid: the total is negative"},
		{"another type's name", event.From("a.type", invoice{-1}), nil, "data: event_test.invoice is not valid: the total is negative"},
		{"pointer in an event", event.From("a.type", &receipt{Total: -1}), nil, "data: *event_test.receipt is not valid: the total is negative"},
		{"without a name of its own", event.From("a.type", list[int]{}), nil, "data: event_test.list[int] is not valid: the total is negative"},
		{"put in by an option", plain{}, []event.Option{replaced}, "data: event_test.invoice is not valid: the total is negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := event.New(context.Background(), c.data, c.opts...)
			var invalid *event.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != "data" || err.Error() != c.want {
				t.Fatalf("refused with %v, want %s", err, c.want)
			}
			var theirs *totalError
			if !errors.Is(err, event.ErrInvalid) || !errors.Is(err, errNegative) || !errors.As(err, &theirs) || theirs.total != -1 {
				t.Errorf("%v does not answer to both ErrInvalid and the error of Validate", err)
			}
			if !reflect.DeepEqual(e, event.Event[any]{}) {
				t.Errorf("a refused event is %+v", e)
			}
		})
	}
}

func TestANilPointerInAnEventIsNotAsked(t *testing.T) {
	_, err := event.New(context.Background(), event.From("a.type", (*invoice)(nil)))
	if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), "data: is a nil *event_test.invoice") {
		t.Errorf("New returned %v", err)
	}
}

func TestValidDataAreMadeAsTheyAre(t *testing.T) {
	if e := newEvent(t, invoice{1}); e.Data != (invoice{1}) {
		t.Errorf("the data are %v", e.Data)
	}
	given := &receipt{Total: 1}
	if e := newEvent(t, given); e.Data != (receipt{Total: 1}) || given.asked != 0 {
		t.Errorf("asking changed the data to %v, and the caller's to %v", e.Data, *given)
	}
	for _, data := range []any{nil, plain{}, 7, map[string]any{"Total": -1}, []byte("x"), (*plain)(nil)} {
		if err := event.Validate(data); err != nil {
			t.Errorf("Validate(%#v) is %v", data, err)
		}
	}
}

func TestReadingNeverAsksWhetherDataAreValid(t *testing.T) {
	var reg event.Registry
	if err := event.Register[invoice](&reg); err != nil {
		t.Fatal(err)
	}
	stored := event.Record{Metadata: event.Metadata{Type: "invoice", Version: 1}, Data: []byte(`{"Total":-1}`)}
	if e, err := reg.Decode(stored); err != nil || e.Data != (invoice{-1}) {
		t.Errorf("Decode is %v, %v; what has happened is to be read", e.Data, err)
	}
	if e, err := event.DecodeAs[invoice](&reg, stored); err != nil || e.Data.Total != -1 {
		t.Errorf("DecodeAs is %v, %v; what has happened is to be read", e.Data, err)
	}
}
