package store_test

import (
	"errors"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var errNegative = errors.New("the total is negative")

type invoiceSent struct{ Total int }

func (i invoiceSent) Validate() error {
	if i.Total < 0 {
		return errNegative
	}
	return nil
}

func TestInvalidDataAreNotStored(t *testing.T) {
	st := newStore(t)
	_, err := st.Append(t.Context(), invoiceSent{1}, invoiceSent{-1})
	_, errTo := st.AppendTo(t.Context(), "invoices", []any{invoiceSent{1}, invoiceSent{-1}})
	for _, err := range []error{err, errTo} {
		if !errors.Is(err, event.ErrInvalid) || !errors.Is(err, errNegative) {
			t.Errorf("refused with %v, want ErrInvalid and the error of Validate", err)
		}
	}
	if stored := all(t, st.Read(t.Context(), store.Query{})); len(stored) != 0 {
		t.Errorf("%d events are stored beside a refused one", len(stored))
	}
}

func TestStoredDataAreReadWhateverValidateSays(t *testing.T) {
	st := newStore(t)
	if err := event.Register[invoiceSent](st.Registry()); err != nil {
		t.Fatal(err)
	}
	old := event.Record{Metadata: event.Metadata{Type: "invoice.sent"}, Place: event.Place{Stream: "s"}, Data: []byte(`{"Total":-1}`)}
	if _, err := st.Commit(t.Context(), store.Commit{Events: []event.Record{old}}); err != nil {
		t.Fatal(err)
	}
	for _, r := range all(t, st.Read(t.Context(), store.Query{})) {
		if e, err := st.Decode(r); err != nil || e.Data != (invoiceSent{-1}) {
			t.Errorf("Decode is %v, %v", e.Data, err)
		}
	}
}
