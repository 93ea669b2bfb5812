package lease_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

func TestChangeRewritesThePayloadUnderItsOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		a := join(t, st, config(3), &worker{})
		slot := a.slot(1)
		if err := write(t, st, slot, `{"position":40}`); err != nil {
			t.Fatal(err)
		}
		prepared, condition, err := slot.Write(json.RawMessage(`{"position":41}`))
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		err = lease.Change(t.Context(), st, bucket, "billing", func(n int, data json.RawMessage) (json.RawMessage, error) {
			found = append(found, fmt.Sprint(n, " ", string(data)))
			return json.RawMessage(`{"position":5}`), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"0 ", `1 {"position":40}`, "2 "}; !slices.Equal(found, want) {
			t.Errorf("Change saw %q, want %q", found, want)
		}
		_, err = st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{prepared}, Conditions: []store.Condition{condition}})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("a commit of the owner's that was under way got %v, want a conflict", err)
		}
		a.group.Poke()
		synctest.Wait()
		if a.changed != 3 || a.gained != 3 || !slot.Held() {
			t.Errorf("the worker was told of %d changes and %d gains, want 3 and 3, and the slot still held", a.changed, a.gained)
		}
		if got := string(slot.Data()); got != `{"position":5}` {
			t.Errorf("the payload is %s after the change", got)
		}
		if err := write(t, st, slot, `{"position":6}`); err != nil {
			t.Errorf("the owner's next save: %v", err)
		}
		rest(time.Minute) // fake time
		if a.changed != 3 {
			t.Errorf("the worker was told of %d changes, its own save among them; want 3", a.changed)
		}
		a.leave(t)
	})
}

func TestReloadFindsWhatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		a := join(t, st, config(1), &worker{})
		slot := a.slot(0)
		w, condition, err := slot.Write(json.RawMessage(`1`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{w}, Conditions: []store.Condition{condition}}); err != nil {
			t.Fatal(err)
		}
		// The answer was lost, so Wrote is not called.
		rest(3 * time.Second) // fake time: looks pass over it
		if a.changed != 0 || slot.Data() != nil {
			t.Errorf("the run's looks took over the worker's own commit: %s", slot.Data())
		}
		if err := slot.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := string(slot.Data()); got != "1" {
			t.Errorf("after Reload the payload is %q, want what was committed", got)
		}
		if err := write(t, st, slot, `2`); err != nil {
			t.Errorf("the save after Reload: %v", err)
		}
		if err := slot.Reload(t.Context()); err != nil || string(slot.Data()) != "2" {
			t.Errorf("Reload without reason returned %v and left %s", err, slot.Data())
		}
		a.leave(t)
	})
}

func TestDoubtTellsTheWorkerWhatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		a := join(t, st, config(2), &worker{})
		slot := a.slot(0)
		w, condition, err := slot.Write(json.RawMessage(`1`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{w}, Conditions: []store.Condition{condition}}); err != nil {
			t.Fatal(err)
		}
		// The answer was lost, so Wrote is not called.
		slot.Doubt()
		synctest.Wait()
		if a.changed != 1 || string(slot.Data()) != "1" {
			t.Errorf("the worker was told %d times, and the payload is %s; want once, and what was committed", a.changed, slot.Data())
		}
		if err := write(t, st, slot, `2`); err != nil {
			t.Errorf("the next save: %v", err)
		}
		slot.Doubt() // without reason
		synctest.Wait()
		if a.changed != 2 || string(slot.Data()) != "2" || a.gained != 2 {
			t.Errorf("the worker was told %d times, and the payload is %s; want twice, and what was saved", a.changed, slot.Data())
		}
		a.leave(t)
	})
}

func TestChangeOfABusySlotLosesNoSave(t *testing.T) {
	st := newStore(t, memory.New())
	w := &worker{}
	g := newGroup(t, st, config(1))
	ctx, cancel := context.WithCancel(t.Context())
	gained, saved := make(chan *lease.Slot, 1), make(chan struct{})
	w.gain = func(_ context.Context, s *lease.Slot) error { gained <- s; return nil }
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx, w) }()
	slot := <-gained
	saves := 0
	var saving sync.WaitGroup
	saving.Go(func() {
		for {
			select {
			case <-saved:
				return
			default:
			}
			n := count(slot.Data())
			n[0]++
			if err := write(t, st, slot, text(n)); err == nil {
				saves++
			} else if err := slot.Reload(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for range 50 {
		err := lease.Change(t.Context(), st, bucket, "billing", func(_ int, data json.RawMessage) (json.RawMessage, error) {
			n := count(data)
			n[1]++
			return json.RawMessage(text(n)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(saved)
	saving.Wait()
	v, err := lease.Look(t.Context(), st, bucket, "billing")
	if err != nil {
		t.Fatal(err)
	}
	if n := count(v.Slots[0].Data); n != [2]int{saves, 50} {
		t.Errorf("the payload counts %v, want %d saves and 50 changes", n, saves)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func count(data json.RawMessage) (n [2]int) {
	if data != nil {
		if err := json.Unmarshal(data, &n); err != nil {
			panic(err)
		}
	}
	return n
}

func text(n [2]int) string { return fmt.Sprintf("[%d,%d]", n[0], n[1]) }

func TestChangeStopsAtAnErrorAndNamesTheSlot(t *testing.T) {
	st := newStore(t, memory.New())
	keep := func(_ int, data json.RawMessage) (json.RawMessage, error) { return data, nil }
	if err := lease.Change(t.Context(), st, bucket, "billing", keep); !errors.Is(err, lease.ErrUnknown) {
		t.Errorf("a name that never ran: %v, want ErrUnknown", err)
	}
	if _, err := lease.ChangeSettings(t.Context(), st, bucket, "billing", func(s *lease.Settings) error { s.Slots = 3; return nil }); err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("there is no such position")
	for name, c := range map[string]struct {
		data  string
		err   error
		want  error
		words string
	}{
		"an error":  {"1", refusal, refusal, "change slot 1 of billing: there is no such position"},
		"no JSON":   {"{", nil, event.ErrInvalid, "change slot 1 of billing: data: "},
		"not UTF-8": {"\xff", nil, event.ErrInvalid, "change slot 1 of billing: data: "},
	} {
		err := lease.Change(t.Context(), st, bucket, "billing", func(n int, _ json.RawMessage) (json.RawMessage, error) {
			if n == 1 {
				return json.RawMessage(c.data), c.err
			}
			return json.RawMessage("0"), nil
		})
		if !errors.Is(err, c.want) || !strings.HasPrefix(err.Error(), c.words) {
			t.Errorf("%s: Change returned %v", name, err)
		}
	}
}

func TestSettingsAreSharedAndNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t, memory.New())
		var told []lease.Settings
		cfg := config(4)
		cfg.Settings = func(s lease.Settings) { told = append(told, s) }
		a := join(t, st, cfg, &worker{gain: func(context.Context, *lease.Slot) error {
			if len(told) != 1 {
				t.Errorf("before the first slot the settings were told %d times, want once", len(told))
			}
			return nil
		}})
		cfg = config(7)
		b := join(t, st, cfg, &worker{})
		rest(3 * time.Second) // fake time
		shared(t, 4, map[*member]int{a: 2, b: 2})

		change := func(change func(s *lease.Settings)) (lease.Settings, error) {
			return lease.ChangeSettings(t.Context(), st, bucket, "billing", func(s *lease.Settings) error { change(s); return nil })
		}
		if _, err := change(func(s *lease.Settings) { s.Paused, s.Data = true, json.RawMessage(`{"by":"ann"}`) }); err != nil {
			t.Fatal(err)
		}
		rest(2 * time.Second)
		if len(told) != 2 || !told[1].Paused || told[1].Slots != 4 || string(told[1].Data) != `{"by":"ann"}` {
			t.Errorf("the run was told %+v", told)
		}
		if s := b.group.Settings(); !s.Paused {
			t.Errorf("the other run knows %+v", s)
		}
		for _, slots := range []int{0, 5, -1, lease.MaxSlots + 1} {
			if _, err := change(func(s *lease.Settings) { s.Slots = slots }); !errors.Is(err, event.ErrInvalid) {
				t.Errorf("%d instead of 4 slots: %v, want a refusal", slots, err)
			}
		}
		refusal := errors.New("not allowed")
		_, err := lease.ChangeSettings(t.Context(), st, bucket, "billing", func(*lease.Settings) error { return refusal })
		if !errors.Is(err, refusal) {
			t.Errorf("ChangeSettings returned %v, want what change did", err)
		}
		if s, err := lease.LoadSettings(t.Context(), st, bucket, "billing"); err != nil || s.Slots != 4 || !s.Paused {
			t.Errorf("in the end the settings are %+v, %v", s, err)
		}
		a.leave(t)
		b.leave(t)
	})
}

func TestSettingsChangedAtOnceAreAllKept(t *testing.T) {
	st := newStore(t, memory.New())
	var changing sync.WaitGroup
	for range 8 {
		changing.Go(func() {
			for range 20 {
				_, err := lease.ChangeSettings(t.Context(), st, bucket, "billing", func(s *lease.Settings) error {
					n := count(s.Data)
					n[0]++
					s.Data = json.RawMessage(text(n))
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	changing.Wait()
	s, err := lease.LoadSettings(t.Context(), st, bucket, "billing")
	if err != nil || count(s.Data) != [2]int{160} {
		t.Errorf("the settings are %+v, %v, want 160 changes", s, err)
	}
}
