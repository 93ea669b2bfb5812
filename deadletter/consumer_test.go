package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

type orderPlaced struct {
	Order string
	N     int
}

func (o orderPlaced) AggregateID() string { return o.Order }

// taken is what the consumer appends for each order that it handled: its effect.
type taken struct {
	Order string
	N     int
}

func (t taken) AggregateID() string { return t.Order }

// shop is a shelf that a real consumer fills, which fails for whom failing says.
type shop struct {
	*shelf

	mu      sync.Mutex
	failing func(orderPlaced) error
}

func newShop(t *testing.T) *shop { return &shop{shelf: newShelf(t)} }

func (s *shop) fails(failing func(orderPlaced) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = failing
}

func customer(name string) func(orderPlaced) error {
	return func(o orderPlaced) error {
		if strings.HasPrefix(o.Order, name) {
			return errors.New("card of " + name + " refused")
		}
		return nil
	}
}

// run starts the consumer; stop ends it.
func (s *shop) run() (c *consumer.Consumer, stop func()) {
	s.t.Helper()
	cfg := consumer.Config{Slots: slots, Retry: consumer.Retry{Attempts: 3}, Logger: slog.New(slog.DiscardHandler)}
	c, err := consumer.New(s.store, name, cfg, consumer.On(func(ctx context.Context, e event.Event[orderPlaced]) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failing != nil {
			if err := s.failing(e.Data); err != nil {
				return err
			}
		}
		return consumer.Transaction(ctx).Append(taken(e.Data))
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	result := make(chan error, 1)
	go func() { result <- c.Run(ctx) }()
	return c, func() {
		cancel()
		if err := <-result; err != nil {
			s.t.Error(err)
		}
	}
}

// place publishes n orders of each customer, in turn, and returns the last position.
func (s *shop) place(n int, customers ...string) (last store.Position) {
	s.t.Helper()
	for i := range n {
		for _, name := range customers {
			receipt, err := s.store.Append(s.t.Context(), orderPlaced{Order: name, N: i})
			if err != nil {
				s.t.Fatal(err)
			}
			last = receipt.Last
		}
	}
	return last
}

// effects returns, for a customer, the numbers of the orders that were handled, in the order in which they were.
func (s *shop) effects(customer string) (numbers []int) {
	s.t.Helper()
	for r, err := range s.store.Read(s.t.Context(), store.Stream("taken-"+customer)) {
		if err != nil {
			s.t.Fatal(err)
		}
		e, err := event.DecodeAs[taken](s.store.Registry(), r)
		if err != nil {
			s.t.Fatal(err)
		}
		numbers = append(numbers, e.Data.N)
	}
	return numbers
}

func (s *shop) expectEffects(customer string, want ...int) {
	s.t.Helper()
	if got := s.effects(customer); !slices.Equal(got, want) {
		s.t.Errorf("of %s the orders %v were handled, want %v", customer, got, want)
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func wait(t *testing.T, c *consumer.Consumer, p store.Position) {
	t.Helper()
	if err := c.WaitFor(t.Context(), p); err != nil {
		t.Fatal(err)
	}
}

func TestAKeyThatParkedGoesOnInOrderWhenItsCauseIsMended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.fails(customer("zoe"))
		c, stop := s.run()
		defer stop()
		wait(t, c, s.place(5, "ann", "zoe", "bob"))
		s.expectEffects("ann", upTo(5)...)
		s.expectEffects("bob", upTo(5)...)
		s.expectEffects("zoe")
		s.expectCount()

		page, err := s.List(t.Context(), deadletter.Filter{}, 0, 0)
		if err != nil || len(page.Letters) != 5 {
			t.Fatalf("%d letters (%v), want 5", len(page.Letters), err)
		}
		front := page.Letters[0]
		if front.State != deadletter.Failed || front.Attempts != 3 || front.Error != "card of zoe refused" || front.Key != "order-zoe" || front.Record.Type != "order.placed" {
			t.Errorf("the first letter is %+v", front)
		}
		for _, l := range page.Letters[1:] {
			if l.State != deadletter.Waiting || l.Attempts != 0 {
				t.Errorf("a letter behind it is %+v", l)
			}
		}

		// Tried too early, it stays, with attempts added up.
		if report, err := s.Redrive(t.Context(), deadletter.Filter{Key: "order-zoe"}, ann); err != nil || report.Keys != 1 || report.Letters != 5 {
			t.Fatalf("%+v (%v)", report, err)
		}
		time.Sleep(time.Minute)
		if l, err := s.Get(t.Context(), front.Record.Position); err != nil || l.Attempts != 6 || l.Requested {
			t.Errorf("after a redrive in vain the letter is %+v (%v)", l, err)
		}
		s.expectEffects("zoe")

		// An order that comes meanwhile waits too; mended, all go on in order, and the key is free again.
		last := s.place(1, "zoe")
		wait(t, c, last)
		s.fails(nil)
		if _, err := s.Redrive(t.Context(), deadletter.Filter{Position: front.Record.Position}, ann); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.expectEffects("zoe", 0, 1, 2, 3, 4, 0)
		s.expectList(deadletter.Filter{})
		s.expectRequested()
		s.expectCount()
		wait(t, c, s.place(1, "zoe"))
		s.expectEffects("zoe", 0, 1, 2, 3, 4, 0, 0)
	})
}

func TestAnEditedLetterIsWhatTheConsumerGets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.fails(func(o orderPlaced) error {
			if o.N == 1 {
				return errors.New("bad number")
			}
			return nil
		})
		c, stop := s.run()
		defer stop()
		wait(t, c, s.place(3, "ann"))
		p := s.list(deadletter.Filter{State: deadletter.Failed})[0]
		if _, err := s.Edit(t.Context(), p, deadletter.Change{Data: []byte(`{"Order":"ann","N":100}`), By: "ann", Why: "bad number"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Redrive(t.Context(), deadletter.Filter{Position: p}, ann); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.expectEffects("ann", 0, 100, 2)
	})
}

func TestWhenTheFirstIsDiscardedTheConsumerGoesOnWithTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.fails(func(o orderPlaced) error {
			if o.N == 1 {
				return errors.New("bad number")
			}
			return nil
		})
		c, stop := s.run()
		defer stop()
		wait(t, c, s.place(4, "ann", "bob"))
		failed := s.list(deadletter.Filter{State: deadletter.Failed})
		if len(failed) != 2 {
			t.Fatalf("failed are %v", failed)
		}
		if report, err := s.Discard(t.Context(), deadletter.Filter{Position: failed[0]}, why); err != nil || report.Letters != 1 || report.Keys != 1 {
			t.Fatalf("%+v (%v)", report, err)
		}
		time.Sleep(time.Minute)
		s.expectEffects("ann", 0, 2, 3)
		s.expectEffects("bob", 0)
		s.expectCount()

		// All of a key: what comes next is handled at once.
		if report, err := s.Discard(t.Context(), deadletter.Filter{Key: "order-bob"}, why); err != nil || report.Letters != 3 {
			t.Fatalf("%+v (%v)", report, err)
		}
		time.Sleep(time.Minute)
		s.expectRequested()
		wait(t, c, s.place(1, "bob"))
		s.expectEffects("bob", 0, 0)
		s.expectList(deadletter.Filter{})
	})
}

// TestARedriveKilledMidwayIsRunAgain kills the redrive after some pages, and the consumer too, at several points; then both run again.
func TestARedriveKilledMidwayIsRunAgain(t *testing.T) {
	for pages := 1; pages <= 4; pages++ {
		synctest.Test(t, func(t *testing.T) {
			s := newShop(t)
			var customers []string
			for i := range 20 {
				customers = append(customers, fmt.Sprint("zoe", i))
			}
			s.fails(customer("zoe"))
			c, stop := s.run()
			wait(t, c, s.place(4, customers...))
			s.fails(nil)

			ctx, cancel := context.WithCancel(t.Context())
			o := all
			o.Limit, o.Rate = 4, 4
			seen := 0
			o.Progress = func(deadletter.Report) {
				if seen++; seen == pages {
					cancel()
				}
			}
			if _, err := s.Redrive(ctx, deadletter.Filter{}, o); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			stop()
			s.expectCount()
			s.place(1, customers...)
			_, stop = s.run()
			defer stop()
			if _, err := s.Redrive(t.Context(), deadletter.Filter{}, all); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			for _, name := range customers {
				s.expectEffects(name, 0, 1, 2, 3, 0)
			}
			s.expectList(deadletter.Filter{})
			s.expectRequested()
			s.expectCount()
		})
	}
}

// TestLettersOfARunningConsumerAreEachHandledOrDiscardedOnce has a consumer that fails at random, and stops and starts, while somebody
// redrives, edits and discards at random.
func TestLettersOfARunningConsumerAreEachHandledOrDiscardedOnce(t *testing.T) {
	for seed := range uint64(4) {
		synctest.Test(t, func(t *testing.T) {
			s := newShop(t)
			random, failures := newRandom(seed), newRandom(100+seed)
			s.fails(func(orderPlaced) error {
				if failures.IntN(2) == 0 {
					return errors.New("unlucky")
				}
				return nil
			})
			var customers []string
			for i := range 12 {
				customers = append(customers, fmt.Sprint("customer", i))
			}
			c, stop := s.run()
			for range 60 {
				s.place(1, customers...)
				s.dabble(random)
				time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
				if random.IntN(10) == 0 {
					stop()
					c, stop = s.run()
				}
			}
			s.fails(nil)
			head, err := s.store.Head(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wait(t, c, head)
			if _, err := s.Redrive(t.Context(), deadletter.Filter{}, all); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			stop()
			s.expectList(deadletter.Filter{})
			s.expectRequested()
			s.expectCount()
			s.expectOnceEach(customers)
		})
	}
}

// dabble does one thing at random.
func (s *shop) dabble(random interface{ IntN(int) int }) {
	s.t.Helper()
	letters := s.list(deadletter.Filter{})
	if len(letters) == 0 {
		return
	}
	p := letters[random.IntN(len(letters))]
	var err error
	switch random.IntN(5) {
	case 0:
		_, err = s.Discard(s.t.Context(), deadletter.Filter{Position: p}, why)
	case 1:
		_, err = s.Discard(s.t.Context(), deadletter.Filter{State: deadletter.Failed, After: p}, why)
	case 2:
		_, err = s.Edit(s.t.Context(), p, deadletter.Change{Headers: map[string]string{"tried": fmt.Sprint(random.IntN(1e9))}, By: "ann", Why: "w"})
	case 3:
		_, err = s.Redrive(s.t.Context(), deadletter.Filter{After: p}, ann)
	default:
		_, err = s.Redrive(s.t.Context(), deadletter.Filter{}, all)
	}
	if err != nil && !errors.Is(err, deadletter.ErrNone) {
		s.t.Fatal(err)
	}
}

// expectOnceEach compares the effects with what was published and not discarded.
func (s *shop) expectOnceEach(customers []string) {
	s.t.Helper()
	discarded := map[event.Position]bool{}
	for _, e := range s.entries() {
		if e.Action != deadletter.Discarded {
			continue
		}
		for _, p := range e.Positions {
			if discarded[p] {
				s.t.Errorf("letter %d was discarded twice", p)
			}
			discarded[p] = true
		}
	}
	if len(discarded) == 0 {
		s.t.Error("nothing was discarded")
	}
	for _, name := range customers {
		var want []store.Position
		for r, err := range s.store.Read(s.t.Context(), store.Stream("order-"+name)) {
			if err != nil {
				s.t.Fatal(err)
			}
			if !discarded[r.Position] {
				want = append(want, r.Position)
			}
		}
		var got []store.Position
		for r, err := range s.store.Read(s.t.Context(), store.Stream("taken-"+name)) {
			if err != nil {
				s.t.Fatal(err)
			}
			got = append(got, s.causeOf(r))
		}
		if !slices.Equal(got, want) {
			s.t.Errorf("%s: handled were %v, want %v", name, got, want)
		}
	}
}

// causeOf returns the position of the record that caused another.
func (s *shop) causeOf(r event.Record) store.Position {
	s.t.Helper()
	for cause, err := range s.store.Read(s.t.Context(), store.Where(store.Filter{ID: r.CausationID})) {
		if err != nil {
			s.t.Fatal(err)
		}
		return cause.Position
	}
	s.t.Errorf("the event at position %d has no cause", r.Position)
	return 0
}

// TestADamagedFirstLetterCanBeDiscardedWhileTheConsumerRuns: the key stands still until then, and goes on after it.
func TestADamagedFirstLetterCanBeDiscardedWhileTheConsumerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.fails(customer("zoe"))
		c, stop := s.run()
		defer stop()
		wait(t, c, s.place(3, "ann", "zoe"))
		s.fails(nil)
		first := s.list(deadletter.Filter{})[0]
		s.put(parked.Letters(name), parked.LetterKey(first), []byte("?"))
		if report, err := s.Redrive(t.Context(), deadletter.Filter{}, all); err != nil || report.Damaged != 1 || report.Held != 2 {
			t.Fatalf("%+v (%v)", report, err)
		}
		if report, err := s.Discard(t.Context(), deadletter.Filter{Position: first}, why); err != nil || report.Letters != 1 || report.Keys != 1 {
			t.Fatalf("%+v (%v)", report, err)
		}
		time.Sleep(time.Minute)
		s.expectEffects("zoe", 1, 2)
		s.expectCount()
	})
}

// TestADamagedLetterThatTheConsumerFoundCanBeDiscarded: the key was asked to go on before, and must be once more.
func TestADamagedLetterThatTheConsumerFoundCanBeDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.fails(customer("zoe"))
		c, stop := s.run()
		defer stop()
		wait(t, c, s.place(4, "zoe"))
		s.fails(nil)
		s.put(parked.Letters(name), parked.LetterKey(2), []byte("?"))
		if _, err := s.Discard(t.Context(), deadletter.Filter{Position: 1}, why); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.expectRequested("order-zoe") // and not done
		if report, err := s.Discard(t.Context(), deadletter.Filter{Position: 2}, why); err != nil || report.Letters != 1 {
			t.Fatalf("%+v (%v)", report, err)
		}
		time.Sleep(time.Minute)
		s.expectEffects("zoe", 2, 3)
		s.expectRequested()
		s.expectCount()
	})
}

func TestWhoeverWaitsForAConsumerWaitsForLettersThatItRedrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t)
		s.fails(customer("zoe"))
		c, stop := s.run()
		last := s.place(40, "zoe") // more than are in memory at a time
		wait(t, c, last)
		stop()

		if _, err := s.Redrive(t.Context(), deadletter.Filter{Key: "order-zoe"}, ann); err != nil {
			t.Fatal(err)
		}
		c, stop = s.run() // fails again: what is parked again is waited for no more
		wait(t, c, last)
		if l, err := s.Get(t.Context(), 1); err != nil || l.Attempts != 6 || l.Requested {
			t.Errorf("when nobody waits any more the letter is %+v (%v)", l, err)
		}
		stop()

		s.fails(nil)
		if _, err := s.Redrive(t.Context(), deadletter.Filter{Key: "order-zoe"}, ann); err != nil {
			t.Fatal(err)
		}
		c, stop = s.run()
		defer stop()
		wait(t, c, last)
		s.expectEffects("zoe", upTo(40)...)
		s.expectList(deadletter.Filter{})
	})
}
