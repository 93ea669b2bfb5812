package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestAfterDowntimeEachScheduleDoesWhatItsPolicySays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		for name, policy := range map[string]schedule.Misfire{"once": schedule.FireOnce, "all": schedule.FireAll, "skip": schedule.Skip} {
			must[schedule.Schedule](t)(s.Every(ctx, "every "+name, 30*time.Second, bellRung{"a"}, schedule.OnMisfire(policy)))
			must[schedule.Schedule](t)(s.Cron(ctx, "cron "+name, "0 * * * * *", "", bellRung{"a"}, schedule.OnMisfire(policy)))
			must[schedule.Schedule](t)(s.At(ctx, "at "+name, began.Add(time.Minute), bellRung{"a"}, schedule.OnMisfire(policy)))
			must[schedule.Schedule](t)(s.At(ctx, "soon "+name, began.Add(150*time.Second), bellRung{"a"}, schedule.OnMisfire(policy)))
		}
		time.Sleep(3*time.Minute + 5*time.Second)
		start(t, s)
		time.Sleep(time.Minute)
		for name, want := range map[string]string{
			"every once": "3m0s@3m5s 3m30s 4m0s", "every skip": "3m30s 4m0s",
			"every all": "30s@3m5s 1m0s@3m5s 1m30s@3m5s 2m0s@3m5s 2m30s@3m5s 3m0s@3m5s 3m30s 4m0s",
			"cron once": "3m0s@3m5s 4m0s", "cron skip": "4m0s", "cron all": "1m0s@3m5s 2m0s@3m5s 3m0s@3m5s 4m0s",
			"at once": "1m0s@3m5s", "at all": "1m0s@3m5s", "at skip": "",
			"soon once": "2m30s@3m5s", "soon all": "2m30s@3m5s", "soon skip": "2m30s@3m5s",
		} {
			if got := offsets(t, st, name, began); got != want {
				t.Errorf("%s fired at %s, want %s", name, got, want)
			}
		}
		if _, err := s.Get(ctx, "at skip"); !errors.Is(err, schedule.ErrNotFound) {
			t.Errorf("the skipped one is still there: %v", err)
		}
	})
}

func TestWhatIsALittleLateIsFiredWhateverThePolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, began := newStore(t), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		for _, policy := range []schedule.Misfire{schedule.FireOnce, schedule.FireAll, schedule.Skip} {
			must[schedule.Schedule](t)(s.Every(t.Context(), policy.String(), 10*time.Second, bellRung{"a"}, schedule.OnMisfire(policy)))
		}
		time.Sleep(35 * time.Second)
		start(t, s)
		time.Sleep(6 * time.Second)
		for _, name := range []string{"fire once", "fire all", "skip"} {
			if got, want := offsets(t, st, name, began), "10s@35s 20s@35s 30s@35s 40s"; got != want {
				t.Errorf("%s fired at %s, want %s", name, got, want)
			}
		}
	})
}

func TestAYearOfSecondsMissedIsFiredInSmallCommitsAndHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, began := t.Context(), time.Now()
		driver := &watched{Driver: memory.New()}
		st := store.New(driver, store.Config{})
		s := newScheduler(t, st, schedule.Config{Batch: 200})
		must[schedule.Schedule](t)(s.Every(ctx, "all", time.Second, bellRung{"a"}, schedule.OnMisfire(schedule.FireAll)))
		must[schedule.Schedule](t)(s.Cron(ctx, "once", "* * * * * *", "Europe/Berlin", bellRung{"a"}))
		must[schedule.Schedule](t)(s.Cron(ctx, "skip", "* * * * * *", "", bellRung{"a"}, schedule.OnMisfire(schedule.Skip)))
		must[schedule.Schedule](t)(s.Every(ctx, "other", time.Hour, bellRung{"a"}))
		time.Sleep(365 * 24 * time.Hour)
		driver.before = func(c store.Commit) error { time.Sleep(100 * time.Millisecond); return nil } // or all would happen in no time at all
		down := time.Now()
		stop := start(t, s)
		time.Sleep(10 * time.Second)
		stop()
		n := counts(firings(t, st))
		if largest := driver.largest(); largest > 200 || n["all"] < 5_000 {
			t.Errorf("the largest commit has %d events, want at most 200; %d fired in all", largest, n["all"])
		}
		if n["once"] < 8 || n["once"] > 11 || n["skip"] < 8 || n["skip"] > 10 {
			t.Errorf("once fired %d times and skip %d times, want some 10", n["once"], n["skip"])
		}
		// The first commit takes what had been read of the index by then, be it one key; the second takes the rest.
		if got := offsets(t, st, "other", began); got != "8760h0m0s@8760h0m0.1s" && got != "8760h0m0s@8760h0m0.2s" {
			t.Errorf("the other one fired at %s, want in the first or second commit, a tenth of a second each", got)
		}
		for _, f := range firings(t, st) {
			if f.name == "once" && f.due.Before(down) {
				t.Errorf("what was to fire once fired for %v too", f.due)
			}
		}
		if again := twice(firings(t, st)); again != nil {
			t.Errorf("fired twice: %v", first(again, 5))
		}
	})
}

func TestWhatWasMissedIsFiredInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, began := newStore(t), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		must[schedule.Schedule](t)(s.Every(t.Context(), "tick", time.Second, bellRung{"a"}, schedule.OnMisfire(schedule.FireAll)))
		time.Sleep(1000*time.Second + time.Millisecond)
		start(t, s)
		ok(t, s.WaitFor(t.Context(), 0))
		for i, f := range firings(t, st) {
			if want := began.Add(time.Duration(i+1) * time.Second); !f.due.Equal(want) {
				t.Fatalf("event %d was due %v, want %v", i+1, f.due, want)
			}
		}
		if n := len(firings(t, st)); n != 1000 {
			t.Errorf("%d events, want 1000", n)
		}
	})
}

func TestEachDueTimeFiresOnceHoweverManySchedulersRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx := newStore(t), t.Context()
		var all []*schedule.Scheduler
		for range 3 {
			s := newScheduler(t, st, schedule.Config{Batch: 7})
			start(t, s)
			all = append(all, s)
		}
		for i := range 50 {
			must[schedule.Schedule](t)(all[i%3].Every(ctx, fmt.Sprint("every ", i), time.Second, bellRung{"a"}))
			must[schedule.Schedule](t)(all[i%3].After(ctx, fmt.Sprint("once ", i), 3*time.Second, bellRung{"a"}))
		}
		time.Sleep(20*time.Second + 100*time.Millisecond)
		list := firings(t, st)
		if again := twice(list); again != nil || len(list) != 50*20+50 {
			t.Errorf("%d events, want 1050; twice: %v", len(list), first(again, 5))
		}
		for _, f := range list {
			if late := f.at.Sub(f.due); late < 0 || late > 2*time.Second {
				t.Errorf("%s fired %v late", f.name, late)
			}
		}
	})
}

// TestEachDueTimeFiresOnceWhereverASchedulerCrashes has one crash in its first call of the store, then in its second, and so on, before the call
// has its effect and after it. Another one goes on.
func TestEachDueTimeFiresOnceWhereverASchedulerCrashes(t *testing.T) {
	for _, afterEffect := range []bool{false, true} {
		for n, crashed := 1, true; crashed; n++ {
			synctest.Test(t, func(t *testing.T) {
				crashed = crashOnce(t, n, afterEffect)
			})
		}
	}
}

func crashOnce(t *testing.T, n int, afterEffect bool) (crashed bool) {
	driver, began, ctx := memory.New(), time.Now(), t.Context()
	st := store.New(driver, store.Config{})
	s := newScheduler(t, st, schedule.Config{})
	must[schedule.Schedule](t)(s.At(ctx, "at", began.Add(800*time.Millisecond), bellRung{"a"}))
	must[schedule.Schedule](t)(s.Every(ctx, "every", 400*time.Millisecond, bellRung{"a"}))
	must[schedule.Schedule](t)(s.Cron(ctx, "cron", "* * * * * *", "", bellRung{"a"}))
	must[schedule.Schedule](t)(s.Every(ctx, "missed", time.Hour, bellRung{"a"}, schedule.From(began.Add(-time.Hour)), schedule.OnMisfire(schedule.FireAll)))
	first := newScheduler(t, store.New(&crashing{Driver: driver, left: n, afterEffect: afterEffect}, store.Config{}), schedule.Config{Poll: time.Second})
	ended, cancel := context.WithTimeout(ctx, 2100*time.Millisecond)
	defer cancel()
	err := first.Run(ended)
	if err != nil && !errors.Is(err, errCrash) {
		t.Fatalf("crash in call %d: %v", n, err)
	}
	start(t, newScheduler(t, st, schedule.Config{}))
	time.Sleep(time.Until(began.Add(2100 * time.Millisecond)))
	want := "at 800ms cron 1s cron 2s every 1.2s every 1.6s every 2s every 400ms every 800ms"
	if got := dueTimes(firings(t, st), began); got != want {
		t.Errorf("crash in call %d, after its effect: %v: fired %s, want %s", n, afterEffect, got, want)
	}
	return err != nil
}

// dueTimes returns what fired, in order of name and due time.
func dueTimes(list []fired, from time.Time) string {
	var texts []string
	for _, f := range list {
		texts = append(texts, fmt.Sprint(f.name, " ", f.due.Sub(from)))
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

func TestMadeAgainForTheSameTimeItDoesNotFireAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		start(t, s)
		for range 3 {
			must[schedule.Schedule](t)(s.At(ctx, "a", began.Add(time.Second), bellRung{"a"}))
			must[schedule.Schedule](t)(s.At(ctx, "b", began.Add(time.Second), bellRung{"b"}))
			must[schedule.Schedule](t)(s.After(ctx, "new", 0, bellRung{"b"}))
			time.Sleep(10 * time.Second)
		}
		must[schedule.Schedule](t)(s.At(ctx, "a", began.Add(time.Second), bellRung{"another"}))
		time.Sleep(10 * time.Second)
		for range 2 { // both times its event is all that is in the commit, which is then a repetition
			must[schedule.Schedule](t)(s.At(ctx, "alone", began.Add(time.Minute), bellRung{"a"}))
			time.Sleep(time.Minute)
		}
		if got, want := dueTimes(firings(t, st), began), "a 1s alone 1m0s b 1s new 0s new 10s new 20s"; got != want {
			t.Errorf("fired %s, want %s", got, want)
		}
		if list := must[[]schedule.Schedule](t)(s.List(ctx, schedule.Page{})); len(list) != 0 {
			t.Errorf("left are %+v", list)
		}
		for item, err := range st.List(ctx, schedule.DueBucket, "", "") {
			t.Errorf("left in the due index is %s, %v", item.Key, err)
		}
	})
}

func TestTwoStoresHaveOtherIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[event.ID]bool{}
		began := time.Now()
		for range 2 {
			st := newStore(t)
			s := newScheduler(t, st, schedule.Config{})
			start(t, s)
			must[schedule.Schedule](t)(s.At(t.Context(), "nightly", began, bellRung{"a"}))
			ok(t, s.WaitFor(t.Context(), 0))
			for r, err := range st.Read(t.Context(), store.Query{}) {
				ok(t, err)
				seen[r.ID] = true
			}
		}
		if len(seen) != 2 {
			t.Errorf("two stores have %d ids", len(seen))
		}
	})
}

func TestWhatCannotBeFiredHaltsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		for _, name := range []string{"broken", "foreign", "tombstoned", "zoneless", "fine"} {
			must[schedule.Schedule](t)(s.Every(ctx, name, 10*time.Second, bellRung{"a"}, schedule.With(event.WithStream(name))))
		}
		rewrite(t, st, "broken", func(string) string { return "{" })
		rewrite(t, st, "foreign", func(text string) string { return strings.Replace(text, `"format":1`, `"format":9`, 1) })
		rewrite(t, st, "zoneless", func(text string) string {
			return strings.Replace(text, `"kind":"every"`, `"kind":"cron","cron":"@hourly","zone":"Europe/Atlantis"`, 1)
		})
		must[store.Receipt](t)(st.TombstoneStream(ctx, "tombstoned"))
		start(t, s)
		time.Sleep(35 * time.Second)
		if got, want := dueTimes(firings(t, st), began), "fine 10s fine 20s fine 30s"; got != want {
			t.Errorf("fired %s, want %s", got, want)
		}
		for name, want := range map[string]string{
			"broken": `schedule "broken" cannot be read: unexpected end`, "foreign": `has format 9, and this program knows 1`,
			"tombstoned": `stream "tombstoned" was deleted for good`, "zoneless": `time zone: "Europe/Atlantis" is not known`,
		} {
			one := must[schedule.Schedule](t)(s.Get(ctx, name))
			if one.State != schedule.Halted || !strings.Contains(one.Error, want) {
				t.Errorf("%s is %+v, want it halted: %s", name, one, want)
			}
		}
		if halted := s.Stats().Halted; halted != 4 {
			t.Errorf("%d are counted as halted, want 4", halted)
		}
		repair(t, s, st, began)
	})
}

// repair mends what has halted.
func repair(t *testing.T, s *schedule.Scheduler, st *store.Store, began time.Time) {
	ctx := t.Context()
	if err := s.Resume(ctx, "broken"); err == nil || !strings.Contains(err.Error(), "cancel it, or replace it") {
		t.Errorf("resuming what cannot be read returned %v", err)
	}
	if _, err := s.Every(ctx, "broken", time.Minute, bellRung{"a"}); !errors.Is(err, schedule.ErrExists) {
		t.Errorf("making it again returned %v", err)
	}
	must[schedule.Schedule](t)(s.Every(ctx, "broken", time.Minute, bellRung{"a"}, schedule.Replace()))
	ok(t, s.Cancel(ctx, "foreign"))
	rewrite(t, st, "zoneless", func(text string) string { return strings.Replace(text, "Atlantis", "Berlin", 1) })
	ok(t, s.Resume(ctx, "zoneless"))
	time.Sleep(2 * time.Hour)
	n := counts(firings(t, st))
	if n["broken"] < 119 || n["foreign"] != 0 || n["zoneless"] != 2 {
		t.Errorf("mended, they fired %v times", n)
	}
	if _, err := s.Get(ctx, "foreign"); !errors.Is(err, schedule.ErrNotFound) {
		t.Errorf("what was cancelled is there: %v", err)
	}
}

func rewrite(t *testing.T, st *store.Store, name string, edit func(string) string) {
	t.Helper()
	item := must[store.Item](t)(st.Get(t.Context(), schedule.Bucket, name))
	edited := edit(string(item.Value))
	if edited == string(item.Value) {
		t.Fatalf("nothing to edit in %s", item.Value)
	}
	must[store.Receipt](t)(st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(schedule.Bucket, name, []byte(edited))}}))
}

func TestWhatIsLeftInTheDueIndexGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx := newStore(t), t.Context()
		s := newScheduler(t, st, schedule.Config{})
		must[schedule.Schedule](t)(s.Every(ctx, "tick", time.Hour, bellRung{"a"}))
		for _, key := range []string{"00000000000000000007/gone", "00946684800000000000/tick", "x", "00000000000000000009"} {
			must[store.Receipt](t)(st.Commit(ctx, store.Commit{Items: []store.ItemWrite{store.Put(schedule.DueBucket, key, nil)}}))
		}
		start(t, s)
		time.Sleep(time.Second)
		var left []string
		for item, err := range st.List(ctx, schedule.DueBucket, "", "") {
			ok(t, err)
			left = append(left, item.Key)
		}
		if want := []string{"00000000000000000009", "00946688400000000000/tick", "x"}; !slices.Equal(left, want) || len(firings(t, st)) != 0 {
			t.Errorf("left are %q, want %q; %d events", left, want, len(firings(t, st)))
		}
	})
}

func TestManyThatAreDueAtOnceAreFiredTogetherInCommitsOfBoundedSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		driver := &watched{Driver: memory.New()}
		st := store.New(driver, store.Config{})
		s := newScheduler(t, st, schedule.Config{Batch: 100, Window: 300})
		when := time.Now().Add(time.Minute)
		for i := range 2000 {
			must[schedule.Schedule](t)(s.At(ctx, fmt.Sprint(i), when, bellRung{"a"}))
		}
		start(t, s)
		held := 0
		driver.mu.Lock()
		driver.before = func(store.Commit) error { held = max(held, s.Stats().Held); return nil }
		driver.mu.Unlock()
		time.Sleep(59 * time.Second)
		if n := s.Stats().Held; n != 0 {
			t.Errorf("%d are in memory a second before they are due", n)
		}
		time.Sleep(2 * time.Second)
		stats := s.Stats()
		if n := len(firings(t, st)); n != 2000 || stats.Commits > 25 || stats.Fired != 2000 || driver.largest() != 100 {
			t.Errorf("%d events, %+v, the largest commit has %d; want some 20 commits of 100", n, stats, driver.largest())
		}
		if held == 0 || held > 300 {
			t.Errorf("up to %d were in memory, want at most 300", held)
		}
	})
}

func TestLargeDataMakeSmallCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		driver := &watched{Driver: memory.New()}
		st := store.New(driver, store.Config{})
		s := newScheduler(t, st, schedule.Config{})
		big := event.From("big", strings.Repeat("x", 2<<20))
		must[schedule.Schedule](t)(s.Every(ctx, "big", time.Second, big, schedule.OnMisfire(schedule.FireAll)))
		for i := range 3 {
			must[schedule.Schedule](t)(s.After(ctx, fmt.Sprint(i), time.Second, big))
		}
		time.Sleep(4 * time.Second)
		start(t, s)
		ok(t, s.WaitFor(ctx, 0))
		if n := len(firings(t, st)); n != 7 || driver.largest() > 3 {
			t.Errorf("%d events, the largest commit has %d", n, driver.largest())
		}
	})
}

func TestWhatAnotherSchedulerWritesIsNoticedWithinThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		start(t, newScheduler(t, st, schedule.Config{}))
		other := newScheduler(t, st, schedule.Config{})
		time.Sleep(10 * time.Minute)
		for i := range 40 {
			must[schedule.Schedule](t)(other.After(ctx, fmt.Sprint(i), time.Duration(i*25)*time.Millisecond, bellRung{"a"}))
			time.Sleep(17 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		list := firings(t, st)
		for _, f := range list {
			if late := f.at.Sub(f.due); late > 250*time.Millisecond {
				t.Errorf("%s, due %v, fired %v late", f.name, f.due.Sub(began), late)
			}
		}
		if len(list) != 40 {
			t.Errorf("%d events, want 40", len(list))
		}
	})
}

func TestWhatAClockFarBehindWritesIsFoundInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx := newStore(t), t.Context()
		start(t, newScheduler(t, st, schedule.Config{}))
		behind := newScheduler(t, st, schedule.Config{Now: func() time.Time { return time.Now().Add(-time.Hour) }})
		time.Sleep(time.Minute)
		must[schedule.Schedule](t)(behind.After(ctx, "x", 0, bellRung{"a"}))
		time.Sleep(11 * time.Second)
		if n := len(firings(t, st)); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
	})
}

func TestClocksThatAreSetAreNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		var clock setClock
		s := newScheduler(t, st, schedule.Config{Now: clock.now})
		start(t, s)
		must[schedule.Schedule](t)(s.At(ctx, "noon", began.Add(time.Hour), bellRung{"a"}))
		must[schedule.Schedule](t)(s.Every(ctx, "tick", 20*time.Minute, bellRung{"a"}))
		time.Sleep(time.Minute)
		clock.set(50 * time.Minute) // it is 00:51
		time.Sleep(time.Second)
		if got, want := dueTimes(firings(t, st), began), "tick 40m0s"; got != want {
			t.Errorf("with the clock set forward, %s fired, want %s", got, want)
		}
		clock.set(-30 * time.Minute) // it is 23:31 of the day before
		time.Sleep(time.Hour + 28*time.Minute)
		if got, want := dueTimes(firings(t, st), began), "tick 40m0s"; got != want {
			t.Errorf("with the clock set back, %s fired, want %s", got, want)
		}
		must[schedule.Schedule](t)(s.After(ctx, "soon", 0, bellRung{"a"}))
		time.Sleep(3 * time.Minute)
		if got, want := dueTimes(firings(t, st), began), "noon 1h0m0s soon 59m1s tick 1h0m0s tick 40m0s"; got != want {
			t.Errorf("in the end %s fired, want %s", got, want)
		}
	})
}

func TestAChangeBetweenReadingAndFiringWins(t *testing.T) {
	for _, change := range []string{"cancel", "pause", "replace"} {
		synctest.Test(t, func(t *testing.T) {
			driver, ctx, began := &watched{Driver: memory.New()}, t.Context(), time.Now()
			s := newScheduler(t, store.New(driver, store.Config{}), schedule.Config{})
			other := newScheduler(t, store.New(driver.Driver, store.Config{}), schedule.Config{})
			must[schedule.Schedule](t)(s.Every(ctx, "tick", time.Second, bellRung{"a"}))
			changed := false
			driver.before = func(c store.Commit) error {
				if len(c.Events) == 0 || changed {
					return nil
				}
				changed = true // between what the scheduler has read and its commit
				switch change {
				case "cancel":
					return other.Cancel(ctx, "tick")
				case "pause":
					return other.Pause(ctx, "tick")
				}
				_, err := other.At(ctx, "tick", began.Add(time.Hour), bellRung{"b"}, schedule.Replace())
				return err
			}
			start(t, s)
			time.Sleep(10 * time.Second)
			if list := firings(t, store.New(driver.Driver, store.Config{})); len(list) != 0 {
				t.Errorf("after the %s, %d fired", change, len(list))
			}
			one, err := s.Get(ctx, "tick")
			if change == "cancel" && !errors.Is(err, schedule.ErrNotFound) || change == "pause" && one.State != schedule.Paused ||
				change == "replace" && one.Timing != "at 2000-01-01T01:00:00Z" {
				t.Errorf("after the %s it is %+v, %v", change, one, err)
			}
		})
	}
}
