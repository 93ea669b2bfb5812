package aggregate_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Random histories, with snapshots taken, damaged and put back at random moments: whatever is asked for, the answer is that of the
// events alone.
func TestSnapshotsNeverChangeTheAnswer(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			st, _ := newStore(t)
			h := &randomHistory{
				rng: rand.New(rand.NewPCG(seed, 1)), st: st, id: "42",
				plain: newAccounts(t, st, aggregate.Config{}), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
				quick: newAccounts(t, st, every),
			}
			for range 40 {
				h.step(t)
			}
			h.compareAll(t)
		})
	}
}

type randomHistory struct {
	rng          *rand.Rand
	st           *store.Store
	id           string
	plain, quick *aggregate.Repository[account, any]
	now          time.Time
	kept         [][]byte // snapshots of earlier moments
}

func (h *randomHistory) step(t *testing.T) {
	switch n := h.rng.IntN(10); {
	case n < 5:
		execute(t, h.quick, h.id, raw{events: h.events(t)})
	case n < 7:
		take(t, h.quick, h.id)
		h.kept = append(h.kept, snapshotOf(t, h.st, h.id).Value)
	case n == 7 && len(h.kept) > 0:
		putSnapshot(t, h.st, h.id, h.kept[h.rng.IntN(len(h.kept))])
	case n == 8 && len(h.kept) > 0:
		putSnapshot(t, h.st, h.id, h.damaged())
	default:
		h.compareAll(t)
	}
}

// events returns up to three, at times that mostly grow.
func (h *randomHistory) events(t *testing.T) (events []any) {
	for range 1 + h.rng.IntN(3) {
		data := []any{opened{"x"}, deposited{h.rng.Int64N(100)}, withdrawn{h.rng.Int64N(100)}, noted{string(rune('a' + h.rng.IntN(5)))}}
		h.now = h.now.Add(time.Duration(h.rng.IntN(100)-20) * time.Second)
		e, err := event.New(t.Context(), data[h.rng.IntN(len(data))], event.WithTime(h.now), event.WithStream("account-42"))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func (h *randomHistory) damaged() []byte {
	value := append([]byte(nil), h.kept[h.rng.IntN(len(h.kept))]...)
	if len(value) > 0 {
		value[h.rng.IntN(len(value))] ^= 1 << h.rng.IntN(8)
	}
	return value
}

func (h *randomHistory) compareAll(t *testing.T) {
	want := load(t, h.plain, h.id)
	if got := load(t, h.quick, h.id); !reflect.DeepEqual(got, want) {
		t.Fatalf("loaded %+v, want %+v", got, want)
	}
	for revision := range want.Revision + 1 {
		want, err := h.plain.LoadAt(t.Context(), h.id, revision)
		got, err2 := h.quick.LoadAt(t.Context(), h.id, revision)
		if err != nil || err2 != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("at %d: %+v, want %+v (%v, %v)", revision, got, want, err2, err)
		}
	}
	for range 10 {
		at := h.now.Add(-time.Duration(h.rng.IntN(1000)) * time.Second)
		want, err := h.plain.LoadAsOf(t.Context(), h.id, at)
		got, err2 := h.quick.LoadAsOf(t.Context(), h.id, at)
		if err != nil || err2 != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("as of %v: %+v, want %+v (%v, %v)", at, got, want, err2, err)
		}
	}
}

func FuzzSnapshot(f *testing.F) {
	st, _ := newStore(f)
	repo, plain := newAccounts(f, st, every), newAccounts(f, st, aggregate.Config{})
	execute(f, repo, "42", open{}, deposit{10}, deposit{20}, deposit{30}, deposit{40})
	take(f, repo, "42")
	good := snapshotOf(f, st, "42").Value
	f.Add(good)
	f.Add(good[:20])
	f.Add([]byte(nil))
	f.Add([]byte(`00000000 {"version":1,"revision":1,"position":1,"event":"x","state":{}}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		putSnapshot(t, st, "42", value)
		if got, want := load(t, repo, "42"), load(t, plain, "42"); !reflect.DeepEqual(got, want) {
			t.Errorf("with %q: loaded %+v, want %+v", value, got, want)
		}
	})
}
