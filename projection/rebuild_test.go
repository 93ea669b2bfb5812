package projection_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// doubled is the second version of accounts: it counts each cent twice, and keeps accounts that were closed.
func doubled(t *testing.T, st *store.Store, cfg projection.Config) *projection.Projection[account] {
	t.Helper()
	cfg.Version, cfg.Logger = 2, slog.New(slog.DiscardHandler)
	p, err := projection.New[account](st, "accounts", cfg)
	if err != nil {
		t.Fatal(err)
	}
	projection.On(p, func(ctx context.Context, docs *projection.Docs[account], e event.Event[deposited]) error {
		return docs.Update(ctx, e.Data.Account, func(a *account) { a.Cents += 2 * e.Data.Cents; a.Events++ })
	})
	return p
}

// noteEffects counts, by position, how often a handler is called for an event that is new.
func noteEffects(p *projection.Projection[account], effects map[store.Position]int) {
	projection.OnAny(p, func(ctx context.Context, _ *projection.Docs[account], r event.Record) error {
		if !projection.Replaying(ctx) {
			effects[r.Position]++
		}
		return nil
	})
}

func TestARebuildThatWasCutShortGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		deposit(t, st, "ann", 1, 2, 3, 4, 5)
		build := func(ctx context.Context, calls map[store.Position]int, progress func(done, head store.Position)) error {
			p := accounts(t, st, projection.Config{Batch: 1})
			projection.OnAny(p, func(_ context.Context, _ *projection.Docs[account], r event.Record) error {
				if r.Position == 4 && len(calls) == 3 && progress != nil {
					<-ctx.Done() // killed in the middle of an event
					return ctx.Err()
				}
				calls[r.Position]++
				return nil
			})
			return p.Rebuild(ctx, progress)
		}
		first := accounts(t, st, projection.Config{})
		stop := start(t, first)
		waitFor(t, first, 5)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		before := dump(t, first)
		ctx, cancel := context.WithCancel(t.Context())
		calls := map[store.Position]int{}
		err := build(ctx, calls, func(done, _ store.Position) {
			if done == 3 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("Rebuild returned %v, want the cancellation", err)
		}
		if got := dump(t, first); got != before {
			t.Errorf("the half-built documents are visible: %s", got)
		}
		done := slices.Max(slices.Collect(maps.Keys(calls)))
		calls = map[store.Position]int{}
		if err := build(t.Context(), calls, nil); err != nil {
			t.Fatal(err)
		}
		if len(calls) == 0 || slices.Min(slices.Collect(maps.Keys(calls))) < done {
			t.Errorf("after %d events, the rebuild went on with %v", done, calls)
		}
		if got := dump(t, first); got != before {
			t.Errorf("rebuilt: %s, want %s", got, before)
		}
	})
}

func TestANewVersionIsBuiltBesideTheOldOneAndSwitchedBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		effects := map[store.Position]int{}
		old := accounts(t, st, projection.Config{})
		noteEffects(old, effects)
		stopOld := start(t, old)
		waitFor(t, old, deposit(t, st, "ann", 1, 2, 3))

		fresh := doubled(t, st, projection.Config{Batch: 1})
		noteEffects(fresh, effects)
		stopFresh := start(t, fresh) // the old one steps aside
		if err := fresh.WaitFor(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second) // of the bubble: both have looked at each other
		last := deposit(t, st, "ann", 4)
		if err := fresh.WaitFor(t.Context(), last); err != nil {
			t.Fatal(err)
		}
		if doc, _, _ := old.Get(t.Context(), "ann"); doc != (account{20, 4}) {
			t.Errorf("after the switch a reader of any version sees %+v, want that of the new one", doc)
		}
		if stats, err := old.Stats(t.Context()); err != nil || stats.Version != 2 || stats.Code != 1 || stats.Previous != 1 || stats.Works {
			t.Errorf("stats are %+v, %v", stats, err)
		}

		if err := fresh.SwitchBack(t.Context()); err != nil {
			t.Fatal(err)
		}
		if doc, _, _ := fresh.Get(t.Context(), "ann"); doc != (account{6, 3}) {
			t.Errorf("switched back, a reader sees %+v, want what was live before", doc)
		}
		time.Sleep(2 * time.Second) // both have noticed
		last = deposit(t, st, "ann", 5)
		if err := old.WaitFor(t.Context(), last); err != nil { // the old code works again, and catches up
			t.Fatal(err)
		}
		if doc, _, _ := fresh.Get(t.Context(), "ann"); doc != (account{15, 5}) {
			t.Errorf("the old version went on to %+v", doc)
		}
		for position := store.Position(1); position <= last; position++ {
			if effects[position] != 1 {
				t.Errorf("event %d was new %d times", position, effects[position])
			}
		}
		if err := errors.Join(stopOld(), stopFresh()); err != nil {
			t.Error(err)
		}
	})
}

func TestReadersSeeOneGenerationWhileANewVersionIsBuilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		old := accounts(t, st, projection.Config{})
		for i := range 20 {
			deposit(t, st, fmt.Sprint("account-", i), 1)
		}
		stop := start(t, old)
		waitFor(t, old, 20)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		before := dump(t, old)
		fresh := doubled(t, st, projection.Config{Batch: 1})
		seen := map[string]bool{}
		projection.OnAny(fresh, func(context.Context, *projection.Docs[account], event.Record) error {
			seen[dump(t, old)] = true
			return nil
		})
		if err := fresh.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if len(seen) != 1 || !seen[before] {
			t.Errorf("while it was built, readers saw %d states, want only that of before", len(seen))
		}
		if after := dump(t, old); after != strings.ReplaceAll(before, `"Cents":1`, `"Cents":2`) {
			t.Errorf("after the switch: %s", after)
		}
	})
}

func TestRebuiltByHandItWaitsShowsItsDifferenceAndFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{})
		deposit(t, st, "ann", 1)
		deposit(t, st, "bob", 2)
		deposit(t, st, "zoe", 0)
		stop := start(t, p)
		waitFor(t, p, publish(t, st, closed{"ann"}))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		before := dump(t, p)
		fresh := doubled(t, st, projection.Config{ByHand: true})
		projection.On(fresh, func(_ context.Context, docs *projection.Docs[account], e event.Event[deposited]) error {
			if e.Data.Account == "gone" {
				docs.Delete("zoe")
			}
			return nil
		})
		deposit(t, st, "gone", 0)
		if err := fresh.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if got := dump(t, p); got != before {
			t.Errorf("it switched by itself: %s", got)
		}
		want := []string{"ann added 0 2", "bob changed 2 4", "gone added 0 0", "zoe removed 0 0"}
		if got := difference(t, fresh); !slices.Equal(got, want) {
			t.Errorf("the difference is %q, want %q", got, want)
		}
		stop = start(t, fresh)
		stats, err := fresh.Stats(t.Context())
		if err != nil || stats.Rebuild == nil || !stats.Rebuild.CaughtUp || stats.Rebuild.Version != 2 {
			t.Errorf("stats say %+v, %v", stats.Rebuild, err)
		}
		deposit(t, st, "bob", 1)
		if err := fresh.Switch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if doc, _, _ := p.Get(t.Context(), "bob"); doc != (account{6, 2}) {
			t.Errorf("after the switch bob is %+v, want it to have followed", doc)
		}
		if got := difference(t, fresh); len(got) != 4 {
			t.Errorf("the difference to what was live before is %q", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		if err := fresh.Switch(t.Context()); err == nil {
			t.Error("it was switched twice")
		}
	})
}

func difference(t *testing.T, p *projection.Projection[account]) (all []string) {
	t.Helper()
	for c, err := range p.Difference(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(c.Key, " ", c.Kind, " ", c.Old.Value.Cents, " ", c.New.Value.Cents))
	}
	return all
}

func TestARebuildThatFailsLeavesTheLiveDocumentsGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{Retry: consumer.Retry{Attempts: 2}})
		projection.OnAny(p, func(ctx context.Context, _ *projection.Docs[account], r event.Record) error {
			if projection.Replaying(ctx) && r.Position == 2 {
				return errors.New("not again")
			}
			return nil
		})
		stop := start(t, p)
		waitFor(t, p, deposit(t, st, "ann", 1, 2, 3))
		err := p.Rebuild(t.Context(), nil)
		if halt, ok := errors.AsType[*consumer.HaltError](err); !ok || halt.Record.Position != 2 {
			t.Errorf("Rebuild returned %v, want the halt", err)
		}
		waitFor(t, p, deposit(t, st, "ann", 4))
		stats, err := p.Stats(t.Context())
		if err != nil || stats.Rebuild == nil || !strings.Contains(stats.Rebuild.Failure, "not again") || stats.LastError == nil || stats.LastError.Record.Position != 2 {
			t.Errorf("stats say %+v, %v", stats, err)
		}
		if err := p.Abandon(t.Context()); err != nil {
			t.Fatal(err)
		}
		if stats, err := p.Stats(t.Context()); err != nil || stats.Rebuild != nil {
			t.Errorf("after Abandon, stats say %+v, %v", stats.Rebuild, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestOldGenerationsAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := memory.New()
		st := store.New(driver, store.Config{})
		defer st.Close()
		p := accounts(t, st, projection.Config{})
		projection.Index(p, "cents", func(a account) []string { return []string{fmt.Sprint(a.Cents)} })
		deposit(t, st, "ann", 1)
		deposit(t, st, "bob", 1)
		stop := start(t, p)
		waitFor(t, p, 2)
		for range 3 {
			if err := p.Rebuild(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.DropPrevious(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		stats, err := driver.Stats(t.Context())
		if want := uint64(2*2 + 3); err != nil || stats.Items > want { // documents with their places; settings, slot and member
			t.Errorf("%d items are left, %v, want %d", stats.Items, err, want)
		}
		if err := p.SwitchBack(t.Context()); err == nil {
			t.Error("it was switched back to documents that are not kept")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestProgressTellsTheTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{Batch: 1})
		var at []projection.Stats
		projection.OnAny(p, func(ctx context.Context, _ *projection.Docs[account], r event.Record) error {
			if !projection.Replaying(ctx) {
				return nil
			}
			time.Sleep(time.Second) // an event a second
			stats, err := p.Stats(ctx)
			at = append(at, stats)
			return err
		})
		stop := start(t, p)
		waitFor(t, p, deposit(t, st, "ann", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
		if err := p.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if r := at[6].Rebuild; r.Done != 6 || r.Head != 10 || r.Left < 4*time.Second || r.Left > 5*time.Second {
			t.Errorf("after 6 of 10 events, at one a second, progress is %+v", r)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestARebuildEndsWhileEventsGoOnComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		p := accounts(t, st, projection.Config{Batch: 1})
		more := 0
		projection.OnAny(p, func(ctx context.Context, _ *projection.Docs[account], r event.Record) error {
			if projection.Replaying(ctx) && r.Position >= 8 && more < 300 {
				more++
				deposit(t, st, "ann", 1)
			}
			return nil
		})
		stop := start(t, p)
		waitFor(t, p, deposit(t, st, "ann", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10))
		if err := p.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if more > 30 {
			t.Errorf("%d events came before the rebuild ended", more)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
