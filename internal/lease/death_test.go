package lease_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

const ttl = 10 * time.Second

func TestSlotsOfADeadMemberAreFreeAfterTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := memory.New()
		defer data.Close()
		way := &gate{Driver: data}
		dying := join(t, newStore(t, way), config(4), &worker{})
		st := newStore(t, &gate{Driver: data})
		var took atomic.Int64 // when, since the test began
		began := time.Now()
		heir := &worker{gain: func(context.Context, *lease.Slot) error { took.Store(int64(time.Since(began))); return nil }}
		other := join(t, st, config(4), heir)
		rest(5 * time.Second) // fake time
		shared(t, 4, map[*member]int{dying: 2, other: 2})

		way.close()
		died := time.Since(began)
		rest(20 * time.Second)
		if got := len(heir.numbers()); got != 4 {
			t.Fatalf("%v after the death the other has %d slots, want 4", time.Since(began)-died, got)
		}
		if after := time.Duration(took.Load()) - died; after < ttl-ttl/3 || after > ttl+2*time.Second {
			t.Errorf("they were taken %v after the last call, want about %v", after, ttl)
		}
		dying.end()
		way.open()
		<-dying.ended
		other.leave(t)
	})
}

// TestAPausedMemberHoldsNothingOnceAnotherMayTakeIt pauses a member's calls of the store, so that it cannot know what happens.
func TestAPausedMemberHoldsNothingOnceAnotherMayTakeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := memory.New()
		defer data.Close()
		way := &gate{Driver: data}
		paused := join(t, newStore(t, way), config(1), &worker{})
		before := paused.slot(0)
		st := newStore(t, &gate{Driver: data})
		heir := &worker{gain: func(_ context.Context, s *lease.Slot) error {
			if before.Held() {
				t.Error("two members think at once that they hold the slot")
			}
			return nil
		}}
		other := join(t, st, config(1), heir)
		rest(5 * time.Second) // fake time
		if len(heir.numbers()) > 0 {
			t.Fatal("a standby took the slot of a member that lives")
		}

		write0, condition, err := before.Write([]byte(`{"position":7}`))
		if err != nil {
			t.Fatal(err)
		}
		way.close()
		rest(ttl * 2 / 3)
		if before.Held() {
			t.Errorf("after %v without a renewal the slot is still held", ttl*2/3)
		}
		rest(2 * ttl)
		if len(heir.numbers()) != 1 {
			t.Fatal("the standby did not take over")
		}
		if len(paused.numbers()) != 0 {
			t.Error("the paused member's worker was not told to release the slot")
		}

		way.open()
		_, err = st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{write0}, Conditions: []store.Condition{condition}})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("a commit prepared before the pause got %v, want a conflict", err)
		}
		if _, _, err := before.Write(nil); !errors.Is(err, lease.ErrLost) {
			t.Errorf("Write after the pause returned %v, want ErrLost", err)
		}
		if err := before.Reload(t.Context()); !errors.Is(err, lease.ErrLost) {
			t.Errorf("Reload after the pause returned %v, want ErrLost", err)
		}
		rest(2 * time.Second)
		shared(t, 1, map[*member]int{paused: 0, other: 1})
		other.leave(t)
		rest(2 * time.Second)
		shared(t, 1, map[*member]int{paused: 1})
		paused.leave(t)
	})
}

func TestAShortFailureOfTheStoreLosesNothing(t *testing.T) {
	for name, driver := range map[string]func(*memory.Memory) store.Driver{
		"5s where leases expire": func(m *memory.Memory) store.Driver { return &expiring{Driver: m} },
		"10m where they do not":  func(m *memory.Memory) store.Driver { return m },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				way := &gate{Driver: driver(memory.New())}
				st := newStore(t, way)
				lasts := 5 * time.Second
				if name[0] == '1' {
					st = newStore(t, &exclusiveGate{gate: way, id: event.NewID()})
					lasts = 10 * time.Minute
				}
				a := join(t, st, config(4), &worker{})
				slot := a.slot(0)
				rest(time.Second) // fake time
				way.failWith(errDown)
				rest(lasts)
				if !slot.Held() || a.gained != 4 {
					t.Error("the slot was lost")
				}
				way.failWith(nil)
				rest(30 * time.Second)
				if !slot.Held() || a.gained != 4 {
					t.Error("the slot was lost after the store came back")
				}
				a.leave(t)
			})
		})
	}
}

// exclusiveGate is a way to a store that one process alone has.
type exclusiveGate struct {
	*gate
	id event.ID
}

func (g *exclusiveGate) Opened() event.ID { return g.id }

func TestALongFailureOfTheStoreLosesTheSlotsUntilItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := &gate{Driver: memory.New()}
		a := join(t, newStore(t, way), config(4), &worker{})
		slot := a.slot(0)
		way.failWith(errDown)
		rest(ttl*2/3 - time.Millisecond) // fake time
		if !slot.Held() {
			t.Error("the slot was lost before two thirds of TTL")
		}
		rest(2 * time.Millisecond)
		if slot.Held() || len(a.numbers()) != 0 {
			t.Error("the slot was not lost after two thirds of TTL")
		}
		rest(10 * time.Minute)
		way.failWith(nil)
		rest(2 * time.Second)
		shared(t, 4, map[*member]int{a: 4})
		if slot.Held() {
			t.Error("a slot that was lost is held again; a new one should be")
		}
		a.leave(t)
	})
}

func TestErrorsThatNoWaitingMendsEndTheRun(t *testing.T) {
	for _, final := range []error{store.ErrClosed, store.ErrFailed, store.ErrDamaged, event.ErrInvalid} {
		synctest.Test(t, func(t *testing.T) {
			way := &gate{Driver: memory.New()}
			a := join(t, newStore(t, way), config(4), &worker{})
			way.failWith(final)
			if err := <-a.ended; !errors.Is(err, final) {
				t.Errorf("Run returned %v, want %v", err, final)
			}
			if len(a.numbers()) != 0 {
				t.Error("not all slots were released")
			}
		})
	}
}

func TestLostAnswersDoNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := memory.New()
		defer data.Close()
		way := &gate{Driver: data}
		way.loseAnswers(true)
		a := join(t, newStore(t, way), config(4), &worker{})
		rest(time.Second) // fake time
		way.loseAnswers(false)
		rest(2 * time.Second)
		shared(t, 4, map[*member]int{a: 4})
		for range 20 { // renewals too
			way.loseAnswers(true)
			rest(2500 * time.Millisecond)
			way.loseAnswers(false)
			rest(4 * time.Second)
		}
		shared(t, 4, map[*member]int{a: 4})
		if a.gained != 4 {
			t.Errorf("%d slots were gained, want 4: a renewal happened also when its answer was lost", a.gained)
		}
		if v := a.group.View(); len(v.Members) != 1 {
			t.Errorf("the one run is %d members", len(v.Members))
		}
		a.leave(t)
	})
}

func TestSlotsOfAnEarlierOpeningAreFreeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := memory.New()
		defer data.Close()
		old := &exclusiveGate{gate: &gate{Driver: data}, id: event.NewID()}
		st := newStore(t, old)
		killed := join(t, st, config(8), &worker{})
		if err := write(t, st, killed.slot(3), `{"position":12}`); err != nil {
			t.Fatal(err)
		}
		old.failWith(store.ErrClosed)
		<-killed.ended

		began := time.Now()
		a := join(t, newStore(t, &exclusiveGate{gate: &gate{Driver: data}, id: event.NewID()}), config(8), &worker{})
		shared(t, 8, map[*member]int{a: 8})
		if took := time.Since(began); took > 0 {
			t.Errorf("the slots were taken over after %v, want at once", took)
		}
		if got := string(a.slot(3).Data()); got != `{"position":12}` {
			t.Errorf("slot 3 came with %s", got)
		}
		a.leave(t)
	})
}

func TestMembersOfOneOpeningLiveUntilTheyLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := memory.New()
		st := newStore(t, data)
		a := join(t, st, config(2), &worker{})
		rest(10 * time.Minute) // fake time
		b := join(t, st, config(2), &worker{})
		rest(time.Minute)
		shared(t, 2, map[*member]int{a: 1, b: 1})
		a.leave(t)
		b.leave(t)
	})
}

func TestARunThatCouldNotLeaveLeavesWhenItRunsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		way := &exclusiveGate{gate: &gate{Driver: memory.New()}, id: event.NewID()}
		st := newStore(t, way)
		a := join(t, st, config(2), &worker{})
		way.failWith(errDown)
		a.leave(t)
		way.failWith(nil)
		ctx, cancel := context.WithCancel(t.Context())
		w := &worker{}
		go func() { a.ended <- a.group.Run(ctx, w) }()
		synctest.Wait()
		if n := len(w.numbers()); n != 2 {
			t.Errorf("the next run got %d slots at once, want 2", n)
		}
		cancel()
		<-a.ended
	})
}

func TestExpireMakesAnExclusiveStoreLikeOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &counting{Memory: memory.New()}
		cfg := config(2)
		cfg.Expire = true
		a := join(t, newStore(t, d), cfg, &worker{})
		joined := d.commits.Load()
		rest(time.Minute) // fake time
		if n := d.commits.Load() - joined; n < 17 || n > 19 {
			t.Errorf("%d renewals in a minute, want one each %v", n, ttl/3)
		}
		a.leave(t)
	})
}

func TestAMemberThatStopsSlowlyRemainsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := memory.New()
		defer data.Close()
		st := newStore(t, &gate{Driver: data})
		slow := &worker{release: func(s *lease.Slot) {
			time.Sleep(time.Minute) // fake time: a handler that takes long
			if !s.Held() {
				t.Error("the slot was lost while its run waited for the worker")
			}
			if err := write(t, st, s, `"last"`); err != nil {
				t.Errorf("the last save: %v", err)
			}
		}}
		a := join(t, st, config(2), slow)
		a.end()
		rest(time.Second)
		b := join(t, newStore(t, &gate{Driver: data}), config(2), &worker{})
		rest(50 * time.Second)
		if n := len(b.numbers()); n != 0 {
			t.Errorf("%d slots were taken while the first still works on them", n)
		}
		<-a.ended
		rest(2 * time.Second)
		shared(t, 2, map[*member]int{b: 2})
		if got := string(b.slot(1).Data()); got != `"last"` {
			t.Errorf("slot 1 came with %s", got)
		}
		b.leave(t)
	})
}
