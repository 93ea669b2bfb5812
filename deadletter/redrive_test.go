package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
)

var (
	ann = deadletter.Options{By: "ann"}
	all = deadletter.Options{By: "ann", Why: "all of them", All: true}
)

func TestRedriveAsksForTheKeysThatMatch(t *testing.T) {
	s := newShelf(t)
	s.park("a", "b", "a", "c", "a", "b")
	report, err := s.Redrive(t.Context(), deadletter.Filter{Key: "a"}, ann)
	want := deadletter.Report{Letters: 3, Keys: 1, Looked: 3}
	if err != nil || !reflect.DeepEqual(report, want) {
		t.Errorf("%+v (%v), want %+v", report, err, want)
	}
	s.expectRequested("a")
	report, err = s.Redrive(t.Context(), deadletter.Filter{}, all)
	if want = (deadletter.Report{Letters: 6, Keys: 2, Already: 1, Looked: 6}); err != nil || !reflect.DeepEqual(report, want) {
		t.Errorf("then all: %+v (%v), want %+v", report, err, want)
	}
	s.expectRequested("a", "b", "c")

	var handled []event.Position
	s.consume(func(l parked.Letter) error {
		handled = append(handled, l.Record.Position)
		if l.Record.Position == 2 {
			return errors.New("refused again")
		}
		return nil
	})
	slices.Sort(handled)
	if want := []event.Position{1, 2, 3, 4, 5}; !slices.Equal(handled, want) {
		t.Errorf("handled %v, want %v", handled, want)
	}
	s.expectList(deadletter.Filter{}, 2, 6)
	if again, err := s.Get(t.Context(), 2); err != nil || again.Error != "refused again" || again.Attempts != 20 || again.Requested {
		t.Errorf("the letter that failed again is %+v (%v)", again, err)
	}
	s.expectCount()
}

func TestALetterBehindAnotherIsNotRedrivenAlone(t *testing.T) {
	s := newShelf(t)
	s.park("a", "b", "a", "a")
	for _, f := range []deadletter.Filter{{Position: 3}, {After: 2}, {State: deadletter.Waiting}} {
		report, err := s.Redrive(t.Context(), f, ann)
		if err != nil || report.Letters != 0 || report.Keys != 0 || report.Held == 0 || report.Behind[0] != (deadletter.Behind{Position: 3, Front: 1}) {
			t.Errorf("%+v: %+v (%v)", f, report, err)
		}
	}
	s.expectRequested()
	if len(s.entries()) != 0 {
		t.Error("the journal tells of what was not done")
	}
}

func TestWhatIsHandledMeanwhileIsNotAskedFor(t *testing.T) {
	s := newShelf(t)
	s.park("a", "b")
	handled, err := parked.Read(t.Context(), s.store, name, 1)
	if err != nil {
		t.Fatal(err)
	}
	s.driver.between = func() { s.change(parked.Change{Resolved: []parked.Letter{handled}}) }
	if report, err := s.Redrive(t.Context(), deadletter.Filter{}, all); err != nil || report.Keys != 1 || report.Looked != 1 {
		t.Errorf("%+v (%v)", report, err)
	}
	s.expectRequested("b")
}

func TestWhatSomebodyElseDoesMeanwhileIsNotDoneAgain(t *testing.T) {
	s := newShelf(t)
	s.park("a", "b", "a")
	for what, do := range map[string]func(deadletter.Options) (deadletter.Report, error){
		"redrive": func(o deadletter.Options) (deadletter.Report, error) {
			return s.Redrive(t.Context(), deadletter.Filter{Key: "a"}, o)
		},
		"discard": func(o deadletter.Options) (deadletter.Report, error) {
			return s.Discard(t.Context(), deadletter.Filter{Key: "b"}, o)
		},
	} {
		before := len(s.entries())
		s.driver.between = func() {
			if report, err := do(deadletter.Options{By: "bob", Why: "w"}); err != nil || report.Letters == 0 || report.Keys != 1 {
				t.Errorf("%s by bob: %+v (%v)", what, report, err)
			}
		}
		if report, err := do(why); err != nil || report.Keys != 0 {
			t.Errorf("%s by ann: %+v (%v)", what, report, err)
		}
		if j := s.entries(); len(j) != before+1 || j[0].By != "bob" {
			t.Errorf("%s: the journal is %+v", what, j)
		}
	}
	s.expectRequested("a", "b")
	s.expectCount()
}

func TestEverythingMustBeMeant(t *testing.T) {
	s := newShelf(t)
	s.park("a")
	for _, c := range []struct {
		field string
		f     deadletter.Filter
		o     deadletter.Options
	}{
		{"filter", deadletter.Filter{}, ann},
		{"by", deadletter.Filter{Key: "a"}, deadletter.Options{}},
		{"by", deadletter.Filter{Key: "a"}, deadletter.Options{By: "a\nb"}},
		{"rate", deadletter.Filter{Key: "a"}, deadletter.Options{By: "ann", Rate: -1}},
		{"rate", deadletter.Filter{Key: "a"}, deadletter.Options{By: "ann", Rate: math.NaN()}},
		{"limit", deadletter.Filter{Key: "a"}, deadletter.Options{By: "ann", Limit: -1}},
		{"pages", deadletter.Filter{Key: "a"}, deadletter.Options{By: "ann", Pages: -1}},
		{"why", deadletter.Filter{Key: "a"}, deadletter.Options{By: "ann", Why: "\x1b[31m"}},
	} {
		_, err := s.Redrive(t.Context(), c.f, c.o)
		expectInvalid(t, c.field, err)
		if c.o.Why == "" {
			c.o.Why = "w"
		}
		_, err = s.Discard(t.Context(), c.f, c.o)
		expectInvalid(t, c.field, err)
	}
	for _, why := range []string{"", " "} {
		_, err := s.Discard(t.Context(), deadletter.Filter{Key: "a"}, deadletter.Options{By: "ann", Why: why})
		expectInvalid(t, "why", err)
	}
	s.expectList(deadletter.Filter{}, 1)
	s.expectRequested()
}

func TestARedriveKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		for i := range 100 {
			s.park(fmt.Sprint(i))
		}
		began := time.Now()
		var steps []uint64
		o := all
		o.Rate = 10
		o.Progress = func(r deadletter.Report) { steps = append(steps, r.Keys) }
		report, err := s.Redrive(t.Context(), deadletter.Filter{}, o)
		if took := time.Since(began); err != nil || report.Keys != 100 || took < 9*time.Second || took > 10*time.Second {
			t.Errorf("%d keys in %v, error %v; want 100 in 9 to 10 s", report.Keys, took, err)
		}
		if len(steps) != 10 || steps[0] != 10 || steps[9] != 100 {
			t.Errorf("the progress was %v", steps)
		}
		s.consume(func(parked.Letter) error { return errors.New("no") })
		o.Rate, began = 0.5, time.Now()
		o.Pages = 2
		if report, err = s.Redrive(t.Context(), deadletter.Filter{}, o); err != nil || report.Keys != 2 || time.Since(began) != 2*time.Second {
			t.Errorf("%d keys in %v, error %v; want 2 in 2 s", report.Keys, time.Since(began), err)
		}
	})
}

func TestARedriveGoesOnWhereAPageEnded(t *testing.T) {
	s := newShelf(t)
	for i := range 10 {
		s.park(fmt.Sprint(i), fmt.Sprint(i))
	}
	o := all
	o.Limit, o.Pages = 3, 1
	var total deadletter.Report
	pages := 0
	for {
		page, err := s.Redrive(t.Context(), deadletter.Filter{}, o)
		if err != nil {
			t.Fatal(err)
		}
		total.Add(page)
		pages++
		if o.Cursor = page.Next; o.Cursor == 0 {
			break
		}
	}
	if total.Keys != 10 || total.Letters != 20 || pages != 4 {
		t.Errorf("%+v in %d pages", total, pages)
	}
}

func TestAnEndedContextEndsARedriveWithWhatWasDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t)
		for i := range 10 {
			s.park(fmt.Sprint(i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3500*time.Millisecond)
		defer cancel()
		o := all
		o.Rate = 1
		report, err := s.Redrive(ctx, deadletter.Filter{}, o)
		if !errors.Is(err, context.DeadlineExceeded) || report.Keys != 4 || report.Next != 4 {
			t.Errorf("%+v (%v)", report, err)
		}
		if len(s.requested()) != 4 {
			t.Errorf("%d keys were asked for, want 4", len(s.requested()))
		}
	})
}

func TestADiscardedFrontLetsTheOthersGoOn(t *testing.T) {
	s := newShelf(t)
	s.park("a", "b", "a", "c", "c")
	if report, err := s.Discard(t.Context(), deadletter.Filter{Position: 5}, why); err != nil || report.Letters != 1 || report.Keys != 0 {
		t.Errorf("of a waiting one: %+v (%v)", report, err)
	}
	s.expectRequested()
	if report, err := s.Discard(t.Context(), deadletter.Filter{Position: 1}, why); err != nil || report.Letters != 1 || report.Keys != 1 {
		t.Errorf("of a first one: %+v (%v)", report, err)
	}
	s.expectRequested("a")
	s.expectCount()
	var handled []event.Position
	s.consume(func(l parked.Letter) error { handled = append(handled, l.Record.Position); return nil })
	if !slices.Equal(handled, []event.Position{3}) {
		t.Errorf("handled %v, want the letter behind", handled)
	}
	if report, err := s.Discard(t.Context(), deadletter.Filter{}, all); err != nil || report.Letters != 2 || report.Keys != 2 {
		t.Errorf("of all: %+v (%v)", report, err)
	}
	s.consume(func(l parked.Letter) error { t.Errorf("handled %d", l.Record.Position); return nil })
	s.expectRequested()
	s.expectList(deadletter.Filter{})
	s.expectCount()
	if _, err := s.Get(t.Context(), 4); !errors.Is(err, deadletter.ErrNone) {
		t.Errorf("the letter: %v", err)
	}
}

func TestDiscardLeavesNoItemBehind(t *testing.T) {
	s := newShelf(t)
	s.park("a", "a", "b")
	for i := range 5 {
		edit(t, s, 1, fmt.Sprintf("[%d]", i))
	}
	if _, err := s.Discard(t.Context(), deadletter.Filter{}, all); err != nil {
		t.Fatal(err)
	}
	for _, bucket := range []string{parked.Letters(name), "oxbow.deadletter.data/" + name, "oxbow.deadletter.key/" + name} {
		for item := range s.store.List(t.Context(), bucket, "", "") {
			t.Errorf("%s still has %s", bucket, item.Key)
		}
	}
}

func TestADiscardOfLettersWithManyEditsFitsInItsCommits(t *testing.T) {
	s := newShelf(t)
	for i := range 120 {
		l := letter(event.Position(i+1), fmt.Sprint(i), parked.Failed)
		s.parkAs(l)
		read, err := parked.Read(t.Context(), s.store, name, l.Record.Position)
		if err != nil {
			t.Fatal(err)
		}
		for range parked.MaxEdits {
			if err := read.Edit([]byte("1"), nil, noon, "ann", "w"); err != nil {
				t.Fatal(err)
			}
		}
		s.change(parked.Change{Again: []parked.Letter{read}})
	}
	pages := 0
	o := all
	o.Progress = func(deadletter.Report) { pages++ }
	if report, err := s.Discard(t.Context(), deadletter.Filter{}, o); err != nil || report.Letters != 120 || pages < 2 {
		t.Errorf("%+v (%v) in %d pages", report, err, pages)
	}
	s.expectCount()
}

// TestADryRunReportsWhatTheRunWould compares them on shelves made at random, page by page.
func TestADryRunReportsWhatTheRunWould(t *testing.T) {
	for seed := range uint64(30) {
		s := newShelf(t)
		random := newRandom(seed)
		for range 60 {
			s.park(fmt.Sprint(random.IntN(12)))
		}
		if random.IntN(2) == 0 {
			if _, err := s.Redrive(t.Context(), deadletter.Filter{Key: "3"}, ann); err != nil {
				t.Fatal(err)
			}
		}
		f := randomFilter(random)
		o := all
		o.Limit = 1 + random.IntN(8)
		for what, do := range map[string]func(context.Context, deadletter.Filter, deadletter.Options) (deadletter.Report, error){
			"redrive": s.Redrive, "discard": s.Discard,
		} {
			o.DryRun = true
			before := snapshot(t, s)
			dry, err := do(t.Context(), f, o)
			if err != nil {
				t.Fatal(err)
			}
			if !dry.DryRun || !reflect.DeepEqual(snapshot(t, s), before) {
				t.Fatalf("seed %d: a dry %s wrote something", seed, what)
			}
			o.DryRun = false
			done, err := do(t.Context(), f, o)
			if dry.DryRun = false; err != nil || !reflect.DeepEqual(dry, done) {
				t.Errorf("seed %d: a dry %s of %+v reports %+v, the run %+v (%v)", seed, what, f, dry, done, err)
			}
		}
		s.expectCount()
	}
}
