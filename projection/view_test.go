package projection_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

func dumpView(t *testing.T, v *projection.View[account]) (all string) {
	t.Helper()
	for doc, err := range v.All("", "") {
		if err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%s=%s\n", doc.Key, doc.JSON)
	}
	return all
}

func TestAViewIsWhatTheDocumentsWereAtEveryPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{})
		var past []string
		var times []time.Time
		stop := start(t, p)
		for i := range 30 {
			time.Sleep(time.Minute)
			last := deposit(t, st, fmt.Sprint("account-", i%4), int64(i))
			if i%7 == 6 {
				last = publish(t, st, closed{fmt.Sprint("account-", i%4)})
			}
			waitFor(t, p, last)
			for len(past) < int(last) {
				past = append(past, "")
				times = append(times, time.Time{})
			}
			past[last-1], times[last-1] = dump(t, p), time.Now()
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		for i, want := range past {
			if times[i].IsZero() {
				continue // in the middle of a step
			}
			v, err := p.At(t.Context(), store.Position(i+1))
			if err != nil {
				t.Fatal(err)
			}
			if got := dumpView(t, v); got != want || v.Position() != store.Position(i+1) {
				t.Errorf("at %d (%d) the view is\n%swant\n%s", i+1, v.Position(), got, want)
			}
			v, err = p.AsOf(t.Context(), times[i])
			if err != nil {
				t.Fatal(err)
			}
			if got := dumpView(t, v); got != want {
				t.Errorf("as of %v the view is\n%swant\n%s", times[i], got, want)
			}
		}
	})
}

func TestAViewNeedsNoRunAndKeepsNothing(t *testing.T) {
	st := newStore(t)
	p := accounts(t, st, projection.Config{})
	projection.OnAny(p, func(ctx context.Context, _ *projection.Docs[account], _ event.Record) error {
		if !projection.Replaying(ctx) {
			t.Error("a view does not tell that it replays")
		}
		return nil
	})
	deposit(t, st, "ann", 1, 2)
	deposit(t, st, "bob", 4)
	v, err := p.Now(t.Context(), store.Filter{Stream: "account-ann"})
	if err != nil {
		t.Fatal(err)
	}
	if doc, ok, err := v.Get("ann"); err != nil || !ok || doc != (account{3, 2}) {
		t.Errorf("ann is %+v, %v", doc, err)
	}
	if _, ok, err := v.Get("bob"); ok || err != nil {
		t.Errorf("bob is there, whose stream was not asked for (%v)", err)
	}
	if stats, err := st.Head(t.Context()); err != nil || stats != 3 {
		t.Errorf("head is %d, %v", stats, err)
	}
	for item, err := range st.List(t.Context(), "oxbow.projection.slot", "", "") {
		t.Errorf("the view left %q, %v", item.Key, err)
	}
}

func TestAFilterThatNothingCanMatchFindsNothing(t *testing.T) {
	st := newStore(t)
	p := accounts(t, st, projection.Config{})
	deposit(t, st, "ann", 1)
	v, err := p.Now(t.Context(), store.Filter{Types: []string{"order.placed"}})
	if err != nil || dumpView(t, v) != "" {
		t.Errorf("the view is %q, %v", dumpView(t, v), err)
	}
}

func TestAnErrorOfAViewNamesTheEvent(t *testing.T) {
	st := newStore(t)
	p := accounts(t, st, projection.Config{})
	deposit(t, st, "ann", 1)
	publish(t, st, event.From("account.deposited", "not an object"))
	_, err := p.Now(t.Context())
	if halt, ok := errors.AsType[*consumer.HaltError](err); !ok || halt.Record.Position != 2 {
		t.Errorf("Now returned %v", err)
	}
}
