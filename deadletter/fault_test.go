package deadletter_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
)

func newRandom(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 5)) }

func randomFilter(random *rand.Rand) deadletter.Filter {
	var f deadletter.Filter
	switch random.IntN(6) {
	case 0:
		f.Key = fmt.Sprint(random.IntN(12))
	case 1:
		f.After = event.Position(random.IntN(50))
	case 2:
		f.Before = event.Position(2 + random.IntN(50))
	case 3:
		f.State = []deadletter.State{deadletter.Failed, deadletter.Waiting}[random.IntN(2)]
	case 4:
		f.Position = event.Position(1 + random.IntN(60))
	}
	return f
}

// snapshot is every item of the dead letters, the times aside.
func snapshot(t testing.TB, s *shelf) map[string]string {
	t.Helper()
	items := map[string]string{}
	for _, bucket := range []string{
		parked.CountBucket, parked.Letters(name), "oxbow.deadletter.data/" + name, "oxbow.deadletter.key/" + name,
		"oxbow.deadletter.redrive/" + name, "oxbow.deadletter.journal/" + name,
	} {
		for item, err := range s.store.List(t.Context(), bucket, "", "") {
			if err != nil {
				t.Fatal(err)
			}
			items[bucket+" "+item.Key] = string(item.Value)
		}
	}
	return items
}

var errKilled = errors.New("killed")

// TestWhatIsKilledAnywhereAndRunAgainIsDoneOnce ends an action at every call that it makes to the store, before and after the call, runs it
// again, and compares what the letters then are with those of an action that was not ended.
func TestWhatIsKilledAnywhereAndRunAgainIsDoneOnce(t *testing.T) {
	small := all
	small.Limit = 4
	actions := map[string]func(s *shelf) error{
		"redrive": func(s *shelf) error {
			_, err := s.Redrive(t.Context(), deadletter.Filter{}, small)
			return err
		},
		"discard": func(s *shelf) error {
			_, err := s.Discard(t.Context(), deadletter.Filter{State: deadletter.Failed, Before: 12}, small)
			return err
		},
		"edit": func(s *shelf) error {
			_, err := s.Edit(t.Context(), 3, deadletter.Change{Data: []byte("[1, 2]"), By: "ann", Why: "w"})
			return err
		},
	}
	make := func() *shelf {
		s := newShelf(t)
		s.park("a", "b", "c", "a", "d", "e", "f", "b", "g", "h", "i", "a")
		return s
	}
	for what, do := range actions {
		calm := make()
		if err := do(calm); err != nil {
			t.Fatal(err)
		}
		want := gistOf(t, calm)
		for _, after := range []bool{false, true} {
			killed := 0
			for n := 1; ; n++ {
				s := make()
				died := false
				s.driver.failing(func(call int) (error, error) {
					if call < n {
						return nil, nil
					}
					died = true
					if after && call == n {
						return nil, errKilled
					}
					return errKilled, nil
				})
				err := do(s)
				s.driver.failing(nil)
				if !died {
					break
				}
				if killed++; !errors.Is(err, errKilled) {
					t.Fatalf("%s: call %d: %v", what, n, err)
				}
				s.expectCount()
				if err := do(s); err != nil {
					t.Fatalf("%s, again: %v", what, err)
				}
				s.expectCount()
				if got := gistOf(t, s); !reflect.DeepEqual(got, want) {
					t.Errorf("%s killed at call %d (after it: %v):\n got %v\nwant %v", what, n, after, got, want)
				}
			}
			if killed < 4 {
				t.Errorf("%s was killed %d times only", what, killed)
			}
		}
	}
}

// gist is what letters, requests and journal say, whatever the number of commits.
type gist struct {
	Letters, Edits, Requests string
	Journalled               map[deadletter.Action][]event.Position
}

func gistOf(t testing.TB, s *shelf) gist {
	t.Helper()
	e := gist{Requests: fmt.Sprint(s.requested()), Journalled: map[deadletter.Action][]event.Position{}}
	for _, p := range s.list(deadletter.Filter{}) {
		l, err := s.Get(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		e.Letters += fmt.Sprint(p, l.State, l.Key, string(l.Record.Data), " ")
		e.Edits += fmt.Sprint(p, ":", len(l.Edits), " ")
	}
	for _, j := range s.entries() {
		e.Journalled[j.Action] = append(e.Journalled[j.Action], j.Positions...)
	}
	for _, positions := range e.Journalled {
		slices.Sort(positions)
	}
	return e
}

// TestManyAtOnceHarmNothing has people redrive, discard and edit at random while a consumer parks, and handles what it is asked for. In the
// end each letter was handled once, discarded once, or is still there; keys were handled in order; counts and journal are right.
func TestManyAtOnceHarmNothing(t *testing.T) {
	s := newShelf(t)
	const letters, keys, people = 600, 15, 4
	handled := map[string][]event.Position{}
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() { // the consumer: it alone parks and handles
		defer close(done)
		random := newRandom(1)
		handle := func(parked.Letter) error {
			if random.IntN(4) == 0 {
				return errors.New("refused again")
			}
			return nil
		}
		s.resolved = func(l parked.Letter) { handled[l.Key] = append(handled[l.Key], l.Record.Position) }
		for s.next < letters {
			s.park(fmt.Sprint(random.IntN(keys)))
			s.consumeSlot(random.IntN(slots), handle)
		}
	})
	discarded := make([]uint64, people)
	for i := range people {
		work.Go(func() {
			random := newRandom(uint64(10 + i))
			for {
				select {
				case <-done:
					return
				default:
				}
				o := all
				o.Limit = 1 + random.IntN(20)
				var err error
				switch f := randomFilter(random); random.IntN(8) {
				case 0:
					if !reflect.DeepEqual(f, deadletter.Filter{}) || random.IntN(10) == 0 {
						var report deadletter.Report
						report, err = s.Discard(t.Context(), f, o)
						discarded[i] += report.Letters
					}
				case 1:
					_, err = s.Edit(t.Context(), event.Position(random.IntN(letters)), deadletter.Change{Data: fmt.Appendf(nil, "[%d]", random.IntN(1e9)), By: "ann", Why: "w"})
				default:
					_, err = s.Redrive(t.Context(), f, o)
				}
				if err != nil && !errors.Is(err, deadletter.ErrNone) {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
	s.expectCount()

	times := map[event.Position]int{}
	for key, positions := range handled {
		if !slices.IsSorted(positions) {
			t.Errorf("key %s was handled in the order %v", key, positions)
		}
		for _, p := range positions {
			times[p]++
		}
	}
	var journalled uint64
	for _, j := range s.entries() {
		if j.Action == deadletter.Discarded {
			journalled += j.Letters
			for _, p := range j.Positions {
				times[p]++
			}
		}
	}
	left := s.list(deadletter.Filter{})
	for _, p := range left {
		times[p]++
	}
	for p := event.Position(1); p <= letters; p++ {
		if times[p] != 1 {
			t.Errorf("letter %d was handled, discarded or is there %d times", p, times[p])
		}
	}
	var reported uint64
	for _, n := range discarded {
		reported += n
	}
	if reported != journalled || reported == 0 || len(handled) == 0 {
		t.Errorf("%d were reported as discarded, the journal has %d; %d keys handled", reported, journalled, len(handled))
	}
	s.resolved = nil
	s.consume(func(parked.Letter) error { return nil })
	for _, p := range s.list(deadletter.Filter{}) {
		if l, err := s.Get(t.Context(), p); err != nil || l.Behind == 0 && l.State != deadletter.Failed {
			t.Errorf("letter %d is first of its key, and nobody asked it to go on: %+v (%v)", p, l, err)
		}
	}
}

// TestTheCountEqualsWhatIsListed does everything at random, one after the other, and compares after each.
func TestTheCountEqualsWhatIsListed(t *testing.T) {
	s := newShelf(t)
	random := newRandom(3)
	for range 250 {
		switch random.IntN(5) {
		case 0, 1:
			s.park(fmt.Sprint(random.IntN(12)), fmt.Sprint(random.IntN(12)))
		case 2:
			if f := randomFilter(random); !reflect.DeepEqual(f, deadletter.Filter{}) {
				if _, err := s.Discard(t.Context(), f, why); err != nil {
					t.Fatal(err)
				}
			}
		case 3:
			if there := s.list(deadletter.Filter{}); len(there) > 0 {
				edit(t, s, there[random.IntN(len(there))], fmt.Sprintf("[%*d]", random.IntN(90), 1))
			}
		default:
			if _, err := s.Redrive(t.Context(), randomFilter(random), all); err != nil {
				t.Fatal(err)
			}
			s.consume(func(parked.Letter) error {
				if random.IntN(2) == 0 {
					return errors.New("no")
				}
				return nil
			})
		}
		s.expectCount()
	}
}
