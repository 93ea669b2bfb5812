package event_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// expectFill compares what a maker makes with what New makes.
func expectFill[T any](t *testing.T, ctx context.Context, data T) {
	t.Helper()
	m, err := event.NewMaker[T]()
	if err != nil {
		t.Fatal(err)
	}
	want, wantErr := event.New(ctx, data)
	e := event.Event[T]{Data: data}
	err = m.Fill(ctx, &e)
	if err != nil || wantErr != nil {
		if err == nil || wantErr == nil || err.Error() != wantErr.Error() || !errors.Is(err, event.ErrInvalid) {
			t.Errorf("%T: error is %v, New's %v", data, err, wantErr)
		}
		return
	}
	if e.ID == want.ID || e.Time.Sub(want.Time).Abs() > time.Minute || e.Time.Location() != time.UTC {
		t.Errorf("%T: id %v and time %v, New's %v and %v", data, e.ID, e.Time, want.ID, want.Time)
	}
	if want.CorrelationID == want.ID {
		want.CorrelationID = e.ID
	}
	want.ID, want.Time = e.ID, e.Time
	if got := e.Untyped(); !reflect.DeepEqual(got, want) {
		t.Errorf("%T: got\n%+v, New's is\n%+v", data, got, want)
	}
}

func TestAMakerMakesWhatNewMakes(t *testing.T) {
	cause := event.Cause{ID: event.NewID(), CorrelationID: event.NewID(), UserID: "ann", TraceParent: "00-1", TraceState: "a=b"}
	bad := event.Cause{ID: event.NewID(), TraceState: "a\x00b"}
	expectFill(t, event.WithCause(t.Context(), bad), plain{1})
	expectFill(t, event.WithCause(t.Context(), bad), userRenamed{})
	for _, ctx := range []context.Context{t.Context(), event.WithCause(t.Context(), cause)} {
		expectFill(t, ctx, plain{1})
		expectFill(t, ctx, orderPlaced{"42", 100})
		expectFill(t, ctx, orderPlaced{})
		expectFill(t, ctx, orderPlaced{OrderID: strings.Repeat("x", event.MaxName)})
		expectFill(t, ctx, orderPlaced{OrderID: "a\nb"})
		expectFill(t, ctx, orderPlaced{OrderID: strings.Repeat("x", 5000)})
		expectFill(t, ctx, userRenamed{labels: []string{"a", "b"}})
		expectFill(t, ctx, userRenamed{labels: []string{"a", ""}})
		expectFill(t, ctx, pointered{"x"})
	}
}

func TestAMakerSharesNoTagsWithTheData(t *testing.T) {
	m, err := event.NewMaker[userRenamed]()
	if err != nil {
		t.Fatal(err)
	}
	labels := []string{"a"}
	e := event.Event[userRenamed]{Data: userRenamed{labels: labels}}
	if err := m.Fill(t.Context(), &e); err != nil {
		t.Fatal(err)
	}
	labels[0] = "changed"
	if e.Tags[0] != "a" {
		t.Errorf("the tags became %q", e.Tags)
	}
}

func TestAMakerIsRefusedForWhatItsTypeDoesNotDescribe(t *testing.T) {
	_, pointer := event.NewMaker[*plain]()
	_, anything := event.NewMaker[any]()
	_, table := event.NewMaker[map[string]any]()
	_, already := event.NewMaker[wrappedEvent]()
	for name, err := range map[string]error{"pointer": pointer, "any": anything, "map": table, "event": already} {
		if !errors.Is(err, event.ErrInvalid) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// wrappedEvent is an event already, for New.
type wrappedEvent struct{ event.Event[plain] }

func TestAMakerAllocatesNothing(t *testing.T) {
	expectNoAllocation(t, plain{1})
	expectNoAllocation(t, orderPlaced{"42", 100}) // but for half a kilobyte now and then
}

func expectNoAllocation[T any](t *testing.T, data T) {
	t.Helper()
	m, err := event.NewMaker[T]()
	if err != nil {
		t.Fatal(err)
	}
	e := new(event.Event[T])
	if n := testing.AllocsPerRun(1000, func() {
		*e = event.Event[T]{Data: data}
		if err := m.Fill(context.Background(), e); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%T: %v allocations", data, n)
	}
}

func TestStreamsThatShareMemoryStayAsTheyAre(t *testing.T) {
	m, err := event.NewMaker[orderPlaced]()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			var made []event.Event[orderPlaced]
			for n := range 2000 {
				id := strings.Repeat(fmt.Sprint(g), n%90) + fmt.Sprint("-", n)
				e := event.Event[orderPlaced]{Data: orderPlaced{OrderID: id}}
				if err := m.Fill(t.Context(), &e); err != nil {
					t.Error(err)
				}
				made = append(made, e)
			}
			for _, e := range made {
				if want := "order-" + e.Data.OrderID; e.Stream != want {
					t.Errorf("the stream is %q, want %q", e.Stream, want)
				}
			}
		})
	}
	all.Wait()
}

// The wall clock is read now and then only. Time must not stand still or jump because of it, in the real world as in bubbles.
// A bubble's time is exact. In the real world a reading can be late by as long as the machine looks elsewhere, so that only jumps to
// the time of a bubble, decades away, are sure to be mistakes.
func TestTimesAreThoseOfTheClock(t *testing.T) {
	check := func(t *testing.T, tolerance time.Duration) {
		t.Helper()
		before := time.Now()
		e, err := event.New(t.Context(), plain{1})
		if err != nil {
			t.Fatal(err)
		}
		if early, late := before.Sub(e.Time), time.Until(e.Time); early > tolerance || late > tolerance {
			t.Errorf("the event's time is %v before the clock's and %v after", early, late)
		}
		if at, ok := e.ID.Time(); !ok || at.Sub(e.Time).Abs() > tolerance && tolerance > 0 {
			t.Errorf("the id's time is %v, the event's %v", at, e.Time)
		}
	}
	real := func() {
		for range 1000 {
			check(t, time.Minute)
		}
	}
	real()
	for range 2 {
		synctest.Test(t, func(t *testing.T) {
			for _, step := range []time.Duration{0, time.Microsecond, 3 * time.Millisecond, 20 * time.Millisecond, time.Hour} {
				time.Sleep(step)
				check(t, 0)
			}
		})
		real()
	}
}
