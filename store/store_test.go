package store_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type orderPlaced struct {
	OrderID string
	Total   int64
}

func (o orderPlaced) AggregateID() string { return o.OrderID }

type orderPaid struct{ OrderID string }

func (o orderPaid) AggregateID() string { return o.OrderID }

func newStore(t *testing.T) *store.Store {
	t.Helper()
	st := store.New(memory.New(), store.Config{})
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

func appended(t *testing.T, st *store.Store, data ...any) store.Receipt {
	t.Helper()
	r, err := st.Append(t.Context(), data...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func all(t *testing.T, seq iter.Seq2[event.Record, error]) (rs []event.Record) {
	t.Helper()
	for r, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		rs = append(rs, r)
	}
	return rs
}

func TestAppendPutsEachEventInItsOwnStream(t *testing.T) {
	st := newStore(t)
	ctx := event.WithCause(t.Context(), event.Cause{CorrelationID: foreignID(t, "request-1"), UserID: "ann"})
	r, err := st.Append(ctx, orderPlaced{"42", 100}, orderPlaced{"43", 5}, orderPaid{"42"}, event.From("sensor.read", nil))
	if err != nil {
		t.Fatal(err)
	}
	if want := map[string]uint64{"order-42": 2, "order-43": 1, "sensor.read": 1}; !maps.Equal(r.Revisions, want) {
		t.Errorf("the revisions are %v, want %v", r.Revisions, want)
	}
	for _, rec := range all(t, st.Read(t.Context(), store.Query{})) {
		if rec.CorrelationID.String() != "request-1" || rec.UserID != "ann" {
			t.Errorf("%s has correlation %v and user %q", rec.Type, rec.CorrelationID, rec.UserID)
		}
	}
}

func TestAppendIsAllOrNothing(t *testing.T) {
	st := newStore(t)
	_, err := st.Append(t.Context(), orderPlaced{"42", 100}, orderPlaced{"4\n3", 1})
	want := `append store_test.orderPlaced: aggregate id: has the control character "\n" at byte 1; remove it`
	if !errors.Is(err, event.ErrInvalid) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := st.Append(t.Context()); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("appending nothing gives %v", err)
	}
	if head, err := st.Head(t.Context()); head != 0 || err != nil {
		t.Errorf("the head is %d, %v; want 0", head, err)
	}
}

func TestAppendTellsWhatCannotBeWritten(t *testing.T) {
	st := newStore(t)
	_, err := st.Append(t.Context(), event.From("sensor.read", func() {}))
	if !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), "append: encode sensor.read: data: json: unsupported type: func()") {
		t.Errorf("got %v", err)
	}
	_, err = st.AppendTo(t.Context(), "s", []any{event.From("sensor.read", func() {})})
	if !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), `append to "s": encode sensor.read: data: `) {
		t.Errorf("got %v", err)
	}
	_, err = st.AppendTo(t.Context(), "a\nb", []any{orderPaid{"1"}})
	if !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), `append store_test.orderPaid to "a\nb": stream: `) {
		t.Errorf("got %v", err)
	}
}

func TestAppendToHoldsItsConditions(t *testing.T) {
	st := newStore(t)
	r, err := st.AppendTo(t.Context(), "audit", []any{orderPlaced{"42", 1}, orderPaid{"42"}}, store.NoStream("audit"))
	if err != nil || r.Revisions["audit"] != 2 || len(r.Revisions) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
	_, err = st.AppendTo(t.Context(), "audit", []any{orderPaid{"43"}}, store.AtRevision("audit", 1))
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if n := len(all(t, st.Read(t.Context(), store.Stream("audit")))); n != 2 {
		t.Errorf("the stream has %d events, want 2", n)
	}
}

func TestCommitFillsInSoThatItCanBeSentAgain(t *testing.T) {
	st := newStore(t)
	c := store.Commit{Events: []event.Record{{
		Metadata: event.Metadata{Type: "order.placed", Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("CET", 3600))},
		Place:    event.Place{Stream: "order-42"},
	}, {
		Metadata: event.Metadata{Type: "order.placed"}, Place: event.Place{Stream: "order-43"},
	}}}
	first, err := st.Commit(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Events {
		if r.ID.IsZero() || r.CorrelationID != r.ID || r.Version != 1 || r.Time.IsZero() || r.Time.Location() != time.UTC || r.Time != r.Time.Round(0) {
			t.Errorf("the record is %+v", r)
		}
	}
	again, err := st.Commit(t.Context(), c)
	if err != nil || !again.Repeated || again.First != first.First || again.Last != first.Last {
		t.Errorf("sent again: %+v, %v; want the first receipt %+v", again, err, first)
	}
}

func TestCommitDoesNotMendWhatIsWrong(t *testing.T) {
	st := newStore(t)
	r := record("s")
	r.Version = -1
	_, err := st.Commit(t.Context(), store.Commit{Events: []event.Record{r}})
	if !errors.Is(err, event.ErrInvalid) || err.Error() != "events[0].version: is -1; versions start at 1" {
		t.Errorf("got %v", err)
	}
}

func TestReadAndDecodeGiveBackWhatWasAppended(t *testing.T) {
	reg := &event.Registry{}
	if err := event.Register[orderPlaced](reg); err != nil {
		t.Fatal(err)
	}
	st := store.New(memory.New(), store.Config{Registry: reg})
	defer st.Close()
	if st.Registry() != reg {
		t.Error("the store has another registry than it was given")
	}
	appended(t, st, orderPlaced{"42", 100}, orderPaid{"42"})
	var got []any
	for _, r := range all(t, st.Read(t.Context(), store.Stream("order-42"))) {
		e, err := st.Decode(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.Data)
	}
	if want := []any{orderPlaced{"42", 100}, map[string]any{"OrderID": "42"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v, want %#v", got, want)
	}
}

func TestFollowEndsWithTheContext(t *testing.T) {
	st := newStore(t)
	appended(t, st, orderPaid{"1"}, orderPaid{"2"})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	seen := 0
	var end error
	for _, err := range st.Follow(ctx, store.Query{}) {
		if err != nil {
			end = err
			continue
		}
		if seen++; seen == 2 {
			appended(t, st, orderPaid{"3"})
		}
		if seen == 3 {
			stop()
		}
	}
	if seen != 3 || !errors.Is(end, context.Canceled) {
		t.Errorf("followed %d records until %v, want 3 until the context ended", seen, end)
	}
}

func TestFollowBeginsAnewEachTimeWhateverTheQuerySaysOfItsEnd(t *testing.T) {
	st := newStore(t)
	appended(t, st, orderPaid{"1"}, orderPaid{"2"}, orderPaid{"3"})
	following := st.Follow(t.Context(), store.Query{After: 1, Before: 3, Limit: 1, Backward: true})
	for range 2 {
		var seen []store.Position
		for r, err := range following {
			if err != nil {
				t.Fatal(err)
			}
			if seen = append(seen, r.Position); len(seen) == 3 {
				break
			}
			if head, err := st.Head(t.Context()); len(seen) == 2 && head == 3 && err == nil {
				appended(t, st, orderPaid{"4"})
			}
		}
		if !slices.Equal(seen, []store.Position{2, 3, 4}) {
			t.Errorf("followed %v, want 2, 3 and 4", seen)
		}
	}
}

func TestFollowRefusesABadQueryAtOnce(t *testing.T) {
	st := newStore(t) // empty: there is nothing to wait for
	refused := 0
	for _, err := range st.Follow(t.Context(), store.Stream("a\nb")) {
		if refused++; !errors.Is(err, event.ErrInvalid) {
			t.Errorf("got %v", err)
		}
	}
	if refused != 1 {
		t.Errorf("%d answers, want one refusal", refused)
	}
}

func TestItemsGoThroughTheStore(t *testing.T) {
	st := newStore(t)
	r, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put("carts", "7", []byte("x"))}})
	if err != nil {
		t.Fatal(err)
	}
	item, err := st.Get(t.Context(), "carts", "7")
	if err != nil || string(item.Value) != "x" || item.Revision != r.ItemRevision {
		t.Errorf("got %+v, %v", item, err)
	}
	n := 0
	for item, err := range st.List(t.Context(), "carts", "", "") {
		if n++; err != nil || item.Key != "7" {
			t.Errorf("got %+v, %v", item, err)
		}
	}
	if n != 1 {
		t.Errorf("listed %d items, want 1", n)
	}
}

func TestAbilitiesAreThoseOfTheDriver(t *testing.T) {
	st := newStore(t)
	appended(t, st, orderPaid{"1"})
	lister, ok := st.Streams()
	if !ok {
		t.Fatal("memory lists streams, the store says no")
	}
	for info, err := range lister.Streams(t.Context(), "order") {
		if err != nil || info.Name != "order-1" {
			t.Errorf("got %+v, %v", info, err)
		}
	}
	counter, ok := st.Statistics()
	if !ok {
		t.Fatal("memory counts, the store says no")
	}
	if stats, err := counter.Stats(t.Context()); err != nil || stats.Events != 1 {
		t.Errorf("got %+v, %v", stats, err)
	}
	if opening, ok := st.Exclusive(); !ok || opening.IsZero() {
		t.Errorf("memory is this process's alone, the store says %q, %v", opening, ok)
	}

	bare := store.New(struct{ store.Driver }{memory.New()}, store.Config{})
	defer bare.Close()
	if _, ok := bare.Streams(); ok {
		t.Error("a driver that cannot list streams is said to")
	}
	if _, ok := bare.Statistics(); ok {
		t.Error("a driver that cannot count is said to")
	}
	if _, ok := bare.Exclusive(); ok {
		t.Error("a driver that several processes may open is said to be one's alone")
	}
}

func TestCloseClosesTheDriver(t *testing.T) {
	d := memory.New()
	if err := store.New(d, store.Config{}).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Head(t.Context()); !errors.Is(err, store.ErrClosed) {
		t.Errorf("the driver answers %v, want ErrClosed", err)
	}
}
