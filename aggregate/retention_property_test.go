package aggregate_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Random histories whose events go, by every limit and by deletion, with snapshots taken and put back at random moments: whatever is
// asked for, the answer is that of all the events that ever were since the last deletion, or that some are gone.
func TestWhatIsGoneNeverChangesTheAnswer(t *testing.T) {
	answered := 0
	for seed := range uint64(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			st, _ := newStore(t)
			f := &fading{rng: rand.New(rand.NewPCG(seed, 2)), st: st, repo: newAccounts(t, st, every)}
			f.begin(0)
			for range 60 {
				f.step(t)
				f.compare(t)
			}
			answered += f.answered
		})
	}
	if answered < 500 {
		t.Errorf("only %d answers were states of streams with limits", answered)
	}
}

type fading struct {
	rng      *rand.Rand
	st       *store.Store
	repo     *aggregate.Repository[account, any]
	floor    uint64    // the revision of the last deletion
	states   []account // after revision floor+i
	limited  bool      // since the last deletion
	kept     [][]byte  // snapshots of earlier moments
	answered int
}

func (f *fading) begin(floor uint64) {
	f.floor, f.states, f.limited = floor, []account{{}}, false
}

func (f *fading) step(t *testing.T) {
	t.Helper()
	switch n := f.rng.IntN(12); {
	case n < 6:
		f.append(t)
	case n < 8:
		if err := f.repo.Snapshot(t.Context(), "42"); err != nil && !errors.Is(err, aggregate.ErrGone) {
			t.Fatal(err)
		}
		if value := snapshotOf(t, f.st, "42").Value; value != nil {
			f.kept = append(f.kept, value)
		}
	case n == 8 && len(f.kept) > 0:
		putSnapshot(t, f.st, "42", f.kept[f.rng.IntN(len(f.kept))])
	case n == 9 && f.rng.IntN(3) == 0:
		deleteStream(t, f.st, "42")
		m, _, err := f.st.StreamMeta(t.Context(), "account-42")
		if err != nil {
			t.Fatal(err)
		}
		f.begin(m.Deleted)
		f.limited = m != store.StreamMeta{Deleted: m.Deleted}
	default:
		f.limit(t)
	}
}

// append appends up to three events, some of which happened long ago, past the repository, which may refuse to load.
func (f *fading) append(t *testing.T) {
	t.Helper()
	var events []any
	for range 1 + f.rng.IntN(3) {
		data := deposited{f.rng.Int64N(100)}
		e, err := event.New(t.Context(), data, event.WithTime(time.Now().Add(-time.Duration(f.rng.IntN(4)/3)*48*time.Hour)))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
		f.states = append(f.states, evolve(f.states[len(f.states)-1], data))
	}
	if _, err := f.st.AppendTo(t.Context(), "account-42", events); err != nil {
		t.Fatal(err)
	}
}

func (f *fading) limit(t *testing.T) {
	t.Helper()
	newest := f.floor + uint64(len(f.states)) - 1
	m := []store.StreamMeta{
		{}, {MaxCount: 1 + f.rng.Uint64N(8)}, {MaxAge: time.Hour}, {Before: newest + 2 - min(newest, f.rng.Uint64N(9))},
	}[f.rng.IntN(4)]
	setMeta(t, f.st, "42", m)
	f.limited = f.limited || m != store.StreamMeta{}
}

func (f *fading) compare(t *testing.T) {
	t.Helper()
	newest := f.floor + uint64(len(f.states)) - 1
	loaded, err := f.repo.Load(t.Context(), "42")
	f.judge(t, newest, loaded, err)
	for range min(6, newest-f.floor) {
		revision := f.floor + 1 + f.rng.Uint64N(newest-f.floor)
		loaded, err := f.repo.LoadAt(t.Context(), "42", revision)
		f.judge(t, revision, loaded, err)
	}
	if f.floor > 0 {
		if loaded, err := f.repo.LoadAt(t.Context(), "42", f.floor); !errors.Is(err, aggregate.ErrGone) {
			t.Fatalf("before the deletion: %+v, %v", loaded, err)
		}
	}
}

func (f *fading) judge(t *testing.T, revision uint64, got aggregate.Loaded[account], err error) {
	t.Helper()
	if err != nil {
		if !f.limited || !errors.Is(err, aggregate.ErrGone) {
			t.Fatalf("at %d: %v", revision, err)
		}
		return
	}
	if f.limited {
		f.answered++
	}
	want := f.states[revision-f.floor]
	if revision == f.floor {
		revision = 0
	}
	if got.Revision != revision || !reflect.DeepEqual(got.State, want) {
		t.Fatalf("at %d: %+v, want %+v", revision, got, want)
	}
}
