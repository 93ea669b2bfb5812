package store_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// sight is what a hook saw of one commit.
type sight struct {
	types   []string
	items   int
	receipt store.Receipt
	err     error
}

// witness is a hook that traces each event and notes what it saw.
type witness struct{ seen []sight }

type witnessKey struct{}

func (w *witness) Append(ctx context.Context, c *store.Commit) (context.Context, func(store.Receipt, error)) {
	s := sight{items: len(c.Items)}
	for i := range c.Events {
		s.types = append(s.types, c.Events[i].Type)
		c.Events[i].TraceParent, c.Events[i].TraceState = traceParent, "oxbow=1"
	}
	return context.WithValue(ctx, witnessKey{}, true), func(r store.Receipt, err error) {
		s.receipt, s.err = r, err
		w.seen = append(w.seen, s)
	}
}

// contextDriver notes whether the driver got the context that the hook returned.
type contextDriver struct {
	store.Driver
	got []bool
}

func (d *contextDriver) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	d.got = append(d.got, ctx.Value(witnessKey{}) != nil)
	return d.Driver.Append(ctx, c)
}

func watched(t *testing.T) (*store.Store, *witness, *contextDriver) {
	t.Helper()
	w, d := &witness{}, &contextDriver{Driver: memory.New()}
	st := store.New(d, store.Config{Hook: w})
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st, w, d
}

func TestAHookSeesEveryCommit(t *testing.T) {
	st, w, d := watched(t)
	ctx := t.Context()
	appended(t, st, orderPlaced{"42", 100}, orderPaid{"42"})
	if _, err := st.AppendTo(ctx, "audit", []any{orderPaid{"43"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put("b", "k", nil)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.SetStreamMeta(ctx, "audit", store.StreamMeta{MaxCount: 5}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.DeleteStream(ctx, "audit"); err != nil {
		t.Fatal(err)
	}
	if _, err := st.TombstoneStream(ctx, "audit"); err != nil {
		t.Fatal(err)
	}
	var got [][]string
	var items []int
	for _, s := range w.seen {
		got, items = append(got, s.types), append(items, s.items)
	}
	want := [][]string{{"order.placed", "order.paid"}, {"order.paid"}, nil, nil, nil, nil}
	if !reflect.DeepEqual(got, want) || !slices.Equal(items, []int{0, 0, 1, 1, 1, 1}) {
		t.Errorf("it saw events %v and items %v, want %v", got, items, want)
	}
	if n := len(d.got); n != 7 || slices.Index(d.got, false) != slices.Index(d.got, true)+4 {
		t.Errorf("the driver got the hook's context %v, want it in all calls but the question for a revision", d.got)
	}
}

func TestWhatAHookSetsIsStoredAndTheCallersRecordsAreAsTheyWere(t *testing.T) {
	st, w, _ := watched(t)
	e, err := event.New(t.Context(), orderPlaced{"42", 100})
	if err != nil {
		t.Fatal(err)
	}
	r, err := st.Registry().Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	mine := store.Commit{Events: []event.Record{r}}
	receipt, err := st.Commit(t.Context(), mine)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(mine.Events[0], r) {
		t.Errorf("the caller's record became %+v, it was %+v", mine.Events[0], r)
	}
	stored := all(t, st.Read(t.Context(), store.Query{}))
	if stored[0].TraceParent != traceParent || stored[0].TraceState != "oxbow=1" {
		t.Errorf("the stored trace is %q, %q", stored[0].TraceParent, stored[0].TraceState)
	}
	again, err := st.Commit(t.Context(), mine)
	if err != nil || !again.Repeated || again.First != receipt.First {
		t.Errorf("committed again it gives %+v, %v", again, err)
	}
	if !w.seen[1].receipt.Repeated {
		t.Errorf("the hook was told %+v of the repeated commit", w.seen[1].receipt)
	}
}

func TestARecordGetsItsIDBeforeTheHookAndTheCallerKeepsIt(t *testing.T) {
	st, _, _ := watched(t)
	mine := store.Commit{Events: []event.Record{{Metadata: event.Metadata{Type: "sensor.read"}, Place: event.Place{Stream: "s"}}}}
	if _, err := st.Commit(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	if again, err := st.Commit(t.Context(), mine); err != nil || !again.Repeated {
		t.Errorf("committed again it gives %+v, %v", again, err)
	}
}

func TestAHookIsToldTheError(t *testing.T) {
	st, w, _ := watched(t)
	_, err := st.AppendTo(t.Context(), "s", []any{orderPaid{"1"}}, store.StreamExists("s"))
	if !errors.Is(err, store.ErrConflict) || len(w.seen) != 1 || w.seen[0].err != err {
		t.Errorf("got %v, the hook saw %+v", err, w.seen)
	}
	if _, err := st.Append(t.Context()); !errors.Is(err, event.ErrInvalid) || w.seen[1].err != err {
		t.Errorf("got %v, the hook saw %+v", err, w.seen)
	}
}

// silent is a hook that wants to know no result.
type silent struct{}

func (silent) Append(ctx context.Context, _ *store.Commit) (context.Context, func(store.Receipt, error)) {
	return ctx, nil
}

func TestAHookNeedNotAskForTheResult(t *testing.T) {
	st := store.New(memory.New(), store.Config{Hook: silent{}})
	if r := appended(t, st, orderPaid{"1"}); r.Last != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestATraceThatAHookBreaksIsRefused(t *testing.T) {
	st := store.New(memory.New(), store.Config{Hook: breaker{}})
	_, err := st.Append(t.Context(), orderPaid{"1"})
	if want := `events[0].traceparent: `; !errors.Is(err, event.ErrInvalid) || err.Error()[:len(want)] != want {
		t.Errorf("got %v", err)
	}
}

type breaker struct{}

func (breaker) Append(ctx context.Context, c *store.Commit) (context.Context, func(store.Receipt, error)) {
	c.Events[0].TraceParent = "a\nb"
	return ctx, nil
}

// Without a hook, a commit costs what it costs with the driver alone.
func TestNoHookCostsNoAllocation(t *testing.T) {
	c := store.Commit{Events: []event.Record{{
		Metadata: event.Metadata{ID: event.NewID(), Type: "sensor.read"}, Place: event.Place{Stream: "s"},
	}}}
	allocations := func(h store.Hook) float64 {
		st := store.New(nowhere{}, store.Config{Hook: h})
		return testing.AllocsPerRun(100, func() {
			if _, err := st.Commit(context.Background(), c); err != nil {
				t.Fatal(err)
			}
		})
	}
	if n := allocations(nil); n != 0 {
		t.Errorf("%v allocations without a hook, want 0", n)
	}
	if n := allocations(silent{}); n == 0 {
		t.Error("no allocation with a hook: the test measures nothing")
	}
}

// nowhere is a driver that takes commits and keeps nothing.
type nowhere struct{ store.Driver }

func (nowhere) Append(context.Context, store.Commit) (store.Receipt, error) {
	return store.Receipt{}, nil
}

func BenchmarkAppend(b *testing.B) {
	for name, hook := range map[string]store.Hook{"hook=none": nil, "hook=silent": silent{}} {
		b.Run(name, func(b *testing.B) {
			st := store.New(memory.New(), store.Config{Hook: hook})
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := st.Append(ctx, orderPlaced{"42", 100}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
