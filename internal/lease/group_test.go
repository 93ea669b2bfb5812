package lease_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestOneSlotHasOneHolderAndTheOthersStandBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		a := join(t, st, config(0), &worker{})
		b := join(t, st, config(0), &worker{})
		c := join(t, st, config(0), &worker{})
		rest(time.Minute) // fake time
		shared(t, 1, map[*member]int{a: 1, b: 0, c: 0})
		if a.gained != 1 {
			t.Errorf("the first was given the slot %d times, want once: who joins later does not take it away", a.gained)
		}
		a.leave(t)
		rest(2 * time.Second)
		shared(t, 1, map[*member]int{b: 1, c: 0})
		b.leave(t)
		c.group.Poke()
		synctest.Wait()
		shared(t, 1, map[*member]int{c: 1})
		c.leave(t)
	})
}

func TestASlotIsHandedOverWhenItsWorkerIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, &expiring{Driver: memory.New()})
		stopped := 0
		slow := &worker{}
		slow.gain = func(ctx context.Context, s *lease.Slot) error {
			context.AfterFunc(ctx, func() {
				slow.mu.Lock()
				defer slow.mu.Unlock()
				stopped++
			})
			return nil
		}
		slow.release = func(s *lease.Slot) {
			time.Sleep(time.Minute) // fake time: what runs may finish
			if err := write(t, st, s, fmt.Sprint(s.Number())); err != nil {
				t.Errorf("the worker's last save: %v", err)
			}
		}
		a := join(t, st, config(2), slow)
		b := join(t, st, config(2), &worker{})
		rest(50 * time.Second)
		slow.mu.Lock()
		if stopped != 1 {
			t.Errorf("%d slots' contexts ended, want 1", stopped)
		}
		slow.mu.Unlock()
		shared(t, 2, map[*member]int{a: 2, b: 0})
		rest(15 * time.Second)
		shared(t, 2, map[*member]int{a: 1, b: 1})
		for n, s := range b.slots {
			if got := string(s.Data()); got != fmt.Sprint(n) {
				t.Errorf("slot %d came with %q, want what its worker saved last", n, got)
			}
		}
		a.leave(t)
		b.leave(t)
	})
}

func TestOneSlowSlotDoesNotKeepTheOthersOfARunThatStops(t *testing.T) {
	for name, driver := range map[string]func() store.Driver{
		"an exclusive store":   func() store.Driver { return memory.New() },
		"a store of processes": func() store.Driver { return &expiring{Driver: memory.New()} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStore(t, driver())
				a := join(t, st, config(8), &worker{release: func(s *lease.Slot) {
					time.Sleep(time.Duration(s.Number()) * 10 * time.Second) // fake time
					if err := write(t, st, s, fmt.Sprint(s.Number())); err != nil {
						t.Errorf("the last save of slot %d: %v", s.Number(), err)
					}
				}})
				b := join(t, st, config(8), &worker{})
				rest(80 * time.Second)
				shared(t, 8, map[*member]int{a: 4, b: 4})
				a.end()
				rest(2 * time.Second)
				shared(t, 8, map[*member]int{a: 3, b: 5})
				rest(21 * time.Second)
				shared(t, 8, map[*member]int{a: 1, b: 7})
				if got := string(b.slot(1).Data()); got != "1" {
					t.Errorf("slot 1 came with %q, want what its worker saved last", got)
				}
				a.leave(t)
				rest(2 * time.Second)
				shared(t, 8, map[*member]int{b: 8})
				b.leave(t)
			})
		})
	}
}

func TestEachSlotsSharesAreWithinOne(t *testing.T) {
	for _, slots := range []int{1, 2, 7, 32} {
		synctest.Test(t, func(t *testing.T) {
			st := newStore(t, memory.New())
			var members []*member
			for range 9 {
				members = append(members, join(t, st, config(slots), &worker{}))
				rest(2 * time.Second) // fake time
			}
			rest(3 * time.Second)
			total := 0
			for i, m := range members {
				n := len(m.numbers())
				total += n
				if fair := slots / len(members); n < fair || n > fair+1 {
					t.Errorf("member %d of %d has %d of %d slots", i, len(members), n, slots)
				}
			}
			if total != slots {
				t.Errorf("%d slots are held, want %d", total, slots)
			}
			for _, m := range members {
				m.leave(t)
			}
		})
	}
}

func TestViewTellsWhoHasWhat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		cfg := config(3)
		cfg.Note = "the one in Rome"
		a := join(t, st, cfg, &worker{})
		b := join(t, st, config(3), &worker{})
		if err := write(t, st, a.slot(0), `"kept"`); err != nil {
			t.Fatal(err)
		}
		rest(3 * time.Second) // fake time
		members := a.group.Members()
		if len(members) != 2 || !members[0].Self || members[0].Note != "the one in Rome" || members[0].Slots != 2 ||
			members[1].Self || !strings.Contains(members[1].Note, ", process ") || members[1].Slots != 1 {
			t.Errorf("the members are %+v", members)
		}
		slots := a.group.Slots()
		if len(slots) != 3 || slots[0].Owner != members[0].ID || slots[2].Owner != members[1].ID || string(slots[0].Data) != `"kept"` {
			t.Errorf("the slots are %+v", slots)
		}
		look, err := lease.Look(t.Context(), st, bucket, "billing")
		if err != nil || fmt.Sprint(look.Slots) != fmt.Sprint(slots) || look.Members[0].Self || look.Settings.Slots != 3 {
			t.Errorf("Look returned %+v, %v", look, err)
		}
		a.leave(t)
		if v := a.group.View(); len(v.Members)+len(v.Slots) > 0 {
			t.Errorf("after its end the run shows %+v", v)
		}
		b.leave(t)
	})
}

func TestNamesWithSlashesDoNotMeet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		var members []*member
		for _, name := range []string{"billing", "billing/0000", "billing/x", "billing/0000/0001", "billing0", "bill", "%/ä"} {
			cfg := config(2)
			cfg.Name = name
			members = append(members, join(t, st, cfg, &worker{}))
		}
		rest(5 * time.Second) // fake time
		for _, m := range members {
			shared(t, 2, map[*member]int{m: 2})
			if n := len(m.group.Members()); n != 1 {
				t.Errorf("a name has %d members, want 1", n)
			}
		}
		for _, m := range members {
			m.leave(t)
		}
	})
}

func TestGainedEndsTheRunWithItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		failure := errors.New("checkpoint is not readable")
		a := join(t, st, config(4), &worker{gain: func(_ context.Context, s *lease.Slot) error {
			if s.Number() == 2 {
				return failure
			}
			return nil
		}})
		if err := <-a.ended; !errors.Is(err, failure) || err.Error() != "lease billing: checkpoint is not readable" {
			t.Errorf("Run returned %v", err)
		}
		if len(a.numbers()) != 0 {
			t.Error("not all slots were released")
		}
		if v, err := lease.Look(t.Context(), st, bucket, "billing"); err != nil || len(v.Members) != 0 {
			t.Errorf("the run did not leave: %+v, %v", v, err)
		}
	})
}

func TestAGroupRunsOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		a := join(t, st, config(1), &worker{})
		if err := a.group.Run(t.Context(), &worker{}); err == nil || err.Error() != "lease billing: is already running" {
			t.Errorf("the second Run returned %v", err)
		}
		a.leave(t)
	})
}

func TestBadConfigIsRefusedByName(t *testing.T) {
	st := newStore(t, memory.New())
	for field, cfg := range map[string]lease.Config{
		"Bucket": {Name: "billing"},
		"Name":   {Bucket: bucket},
		"Slots":  {Bucket: bucket, Name: "billing", Slots: lease.MaxSlots + 1},
		"TTL":    {Bucket: bucket, Name: "billing", TTL: -1},
		"Poll":   {Bucket: bucket, Name: "billing", Poll: -1},
	} {
		if field == "Bucket" {
			cfg.Bucket = strings.Repeat("b", event.MaxName)
		}
		_, err := lease.New(st, cfg)
		var invalid *event.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("New returned %v, want %s refused", err, field)
		}
	}
}

func TestDamagedItemsAreNamed(t *testing.T) {
	for name, item := range map[string]store.ItemWrite{
		"settings that are no JSON":     store.Put(bucket, "billing", []byte(`{"slots":`)),
		"settings of another shape":     store.Put(bucket, "billing", []byte(`{"position":7}`)),
		"too many slots":                store.Put(bucket, "billing", []byte(`{"slots":100000}`)),
		"fewer than no slots":           store.Put(bucket, "billing", []byte(`{"slots":-1}`)),
		"settings with something after": store.Put(bucket, "billing", []byte(`{"slots":2} {}`)),
		"null":                          store.Put(bucket, "billing", []byte(`null`)),
		"nothing":                       store.Put(bucket, "billing", nil),
		"a slot that is no JSON":        store.Put(bucket+".slot", "billing/0001", []byte(`owner`)),
		"a slot of another shape":       store.Put(bucket+".slot", "billing/0001", []byte(`[1,2]`)),
		"an owner that is no text":      store.Put(bucket+".slot", "billing/0001", []byte(`{"owner":7}`)),
		"a slot beyond the last":        store.Put(bucket+".slot", "billing/0002", []byte(`{}`)),
		"a slot without a number":       store.Put(bucket+".slot", "billing/00a1", []byte(`{}`)),
		"a slot with a long number":     store.Put(bucket+".slot", "billing/00001", []byte(`{}`)),
		"a slot with a sign":            store.Put(bucket+".slot", "billing/+001", []byte(`{}`)),
		"a member that is no JSON":      store.Put(bucket+".member", "billing/x", []byte(`{`)),
		"a member of another shape":     store.Put(bucket+".member", "billing/x", []byte(`"x"`)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := newStore(t, memory.New())
				c := store.Commit{Items: []store.ItemWrite{item}}
				if item.Bucket != bucket {
					c.Items = append(c.Items, store.Put(bucket, "billing", []byte(`{"slots":2}`)))
				}
				if _, err := st.Commit(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				words := fmt.Sprintf("item %q in %q", item.Key, item.Bucket)
				_, err := lease.Look(t.Context(), st, bucket, "billing")
				if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), words) {
					t.Errorf("Look returned %v, want %s named", err, words)
				}
				err = newGroup(t, st, config(2)).Run(t.Context(), &worker{})
				if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), words) {
					t.Errorf("Run returned %v, want %s named", err, words)
				}
			})
		})
	}
}

func TestItemsTakenFromUnderARunDoNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		a := join(t, st, config(4), &worker{})
		for _, c := range []struct {
			what string
			item store.ItemWrite
			lost bool // slot 0
		}{
			{"a slot's item", store.Delete(bucket+".slot", "billing/0002"), false},
			{"the member's item", store.Delete(bucket+".member", "billing/"+a.group.Members()[0].ID), true},
			{"the settings", store.Delete(bucket, "billing"), false},
			{"the owner of a slot", store.Put(bucket+".slot", "billing/0000", []byte(`{"owner":"nobody","data":[3]}`)), true},
		} {
			before := a.slot(0)
			if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{c.item}}); err != nil {
				t.Fatal(err)
			}
			rest(5 * time.Second) // fake time
			shared(t, 4, map[*member]int{a: 4})
			if before.Held() == c.lost {
				t.Errorf("after %s was taken away, what had slot 0 before holds it: %v", c.what, before.Held())
			}
			for n := range 4 {
				if a.slot(n) == nil {
					t.Fatalf("after %s was taken away slot %d is not held", c.what, n)
				}
				if err := write(t, st, a.slot(n), "[4]"); err != nil {
					t.Errorf("after %s was taken away: slot %d: %v", c.what, n, err)
				}
			}
		}
		a.leave(t)
	})
}

// meddling calls a function before the first commit that takes slots.
type meddling struct {
	store.Driver
	meddle func(d store.Driver)
	once   sync.Once
}

func (d *meddling) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	if strings.HasSuffix(c.Items[0].Bucket, ".slot") {
		d.once.Do(func() { d.meddle(d.Driver) })
	}
	return d.Driver.Append(ctx, c)
}

func TestWhoCountsAsDeadTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &meddling{Driver: memory.New()}
		d.meddle = func(d store.Driver) {
			for item, err := range d.List(t.Context(), bucket+".member", "", "") {
				if err == nil {
					_, err = d.Append(t.Context(), store.Commit{Items: []store.ItemWrite{store.Delete(item.Bucket, item.Key)}})
				}
				if err != nil {
					t.Error(err)
				}
			}
		}
		a := join(t, newStore(t, d), config(4), &worker{})
		rest(time.Minute) // fake time
		shared(t, 4, map[*member]int{a: 4})
		if a.gained != 4 {
			t.Errorf("%d slots were gained, want 4: none by the member that was deleted before", a.gained)
		}
		a.leave(t)
	})
}

func TestASlotThatIsWrittenMeanwhileDoesNotKeepTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &meddling{Driver: memory.New()}
		d.meddle = func(d store.Driver) {
			_, err := d.Append(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(bucket+".slot", "billing/0001", []byte(`{"data":[5]}`))}})
			if err != nil {
				t.Error(err)
			}
		}
		a := join(t, newStore(t, d), config(4), &worker{})
		if got := fmt.Sprint(a.numbers()); got != "[0 2 3]" {
			t.Errorf("at once slots %s are held, want all but number 1", got)
		}
		rest(2 * time.Second) // fake time
		if s := a.slot(1); s == nil || string(s.Data()) != "[5]" {
			t.Errorf("then slot 1 is %v, want it with what was written", s)
		}
		a.leave(t)
	})
}

func TestFewerSlotsThanBeforeAreNoPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		a := join(t, st, config(4), &worker{})
		remove := []store.ItemWrite{store.Put(bucket, "billing", []byte(`{"slots":1}`))}
		for n := range 4 {
			remove = append(remove, store.Delete(bucket+".slot", fmt.Sprintf("billing/%04d", n)))
		}
		if _, err := st.Commit(t.Context(), store.Commit{Items: remove}); err != nil {
			t.Fatal(err)
		}
		rest(5 * time.Second) // fake time
		shared(t, 1, map[*member]int{a: 1})
		a.leave(t)
	})
}

func TestTheFormatOfTheItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := memory.New()
		st := newStore(t, data)
		cfg := config(1)
		cfg.Note, cfg.Expire = "the one in Rome", true
		a := join(t, st, cfg, &worker{})
		if err := write(t, st, a.slot(0), `{"position":7}`); err != nil {
			t.Fatal(err)
		}
		id := a.group.Members()[0].ID
		for _, want := range []struct{ bucket, key, value string }{
			{bucket, "billing", `{"slots":1}`},
			{bucket + ".slot", "billing/0000", `{"owner":"` + id + `","data":{"position":7}}`},
			{bucket + ".member", "billing/" + id, `{"ttl":10000000000,"note":"the one in Rome"}`},
		} {
			item, err := st.Get(t.Context(), want.bucket, want.key)
			if err != nil || string(item.Value) != want.value {
				t.Errorf("item %s in %s is %s, %v, want %s", want.key, want.bucket, item.Value, err, want.value)
			}
		}
		a.leave(t)
	})
}

func TestARunThatIsStoppedAtOnceLeavesNoMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := newGroup(t, st, config(1)).Run(ctx, &worker{}); err != nil {
			t.Errorf("Run returned %v", err)
		}
		if v, err := lease.Look(t.Context(), st, bucket, "billing"); err != nil || len(v.Members) > 0 {
			t.Errorf("after it: %+v, %v", v, err)
		}
	})
}

func TestALogLineTellsOfWhatIsNotAsConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		join(t, st, config(4), &worker{}).leave(t)
		var log strings.Builder
		cfg := config(9)
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
		a := join(t, st, cfg, &worker{})
		a.leave(t)
		if !strings.Contains(log.String(), "slots=4 configured=9") {
			t.Errorf("the log says %q", log.String())
		}
	})
}
