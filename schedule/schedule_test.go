package schedule_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestEachKindFiresWhenItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		start(t, s)
		must[schedule.Schedule](t)(s.At(ctx, "at", began.Add(3*time.Second), bellRung{"a"}))
		must[schedule.Schedule](t)(s.At(ctx, "over", began.Add(-time.Hour), bellRung{"a"}))
		must[schedule.Schedule](t)(s.After(ctx, "after", 70*time.Second, bellRung{"b"}))
		must[schedule.Schedule](t)(s.Every(ctx, "every", 25*time.Second, bellRung{"c"}))
		must[schedule.Schedule](t)(s.Every(ctx, "from", 40*time.Second, bellRung{"c"}, schedule.From(began.Add(-30*time.Second))))
		must[schedule.Schedule](t)(s.Every(ctx, "later", time.Hour, bellRung{"c"}, schedule.From(began.Add(5*time.Second))))
		must[schedule.Schedule](t)(s.Cron(ctx, "cron", "30 * * * * *", "", bellRung{"d"}))
		must[schedule.Schedule](t)(s.Cron(ctx, "interval", "@every 45s", "", bellRung{"d"}))
		time.Sleep(100*time.Second + time.Millisecond)
		for name, want := range map[string]string{
			"at": "3s", "over": "-1h0m0s@0s", "after": "1m10s", "every": "25s 50s 1m15s 1m40s", "from": "10s 50s 1m30s", "later": "5s",
			"cron": "30s 1m30s", "interval": "45s 1m30s",
		} {
			if got := offsets(t, st, name, began); got != want {
				t.Errorf("%s fired at %s, want %s", name, got, want)
			}
		}
	})
}

func TestAnEventSaysWhatItsScheduleWasGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, began := newStore(t), time.Now()
		s := newScheduler(t, st, schedule.Config{Source: "/tower"})
		start(t, s)
		cause := event.Cause{ID: event.NewID(), CorrelationID: event.NewID(), UserID: "ann", TraceParent: "00-trace"}
		ctx := event.WithCause(t.Context(), cause)
		must[schedule.Schedule](t)(s.At(ctx, "noon", began.Add(time.Second), bellRung{"<big>"},
			schedule.With(event.WithStream("tower-1"), event.WithTopic("bells.big"), event.WithTags("loud"), event.WithHeader("by", "clock"))))
		time.Sleep(time.Minute)
		for r, err := range st.Read(ctx, store.Query{}) {
			ok(t, err)
			name, due, isOne := schedule.Of(&r.Metadata)
			if name != "noon" || !due.Equal(began.Add(time.Second)) || !isOne {
				t.Errorf("it is of %q, due %v", name, due)
			}
			if r.Type != "bell.rung" || r.Stream != "tower-1" || r.Topic != "bells.big" || r.Tags[0] != "loud" || r.Headers["by"] != "clock" ||
				r.Source != "/tower" || string(r.Data) != `{"Bell":"<big>"}` || !r.Time.Equal(due) {
				t.Errorf("the event is %+v", r)
			}
			if r.CausationID != cause.ID || r.CorrelationID != cause.CorrelationID || r.UserID != "ann" || r.TraceParent != "00-trace" {
				t.Errorf("its cause is %+v", r.Metadata)
			}
		}
	})
}

func TestWhatNobodyCausedBeginsACorrelationEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		s := newScheduler(t, st, schedule.Config{})
		start(t, s)
		must[schedule.Schedule](t)(s.Every(t.Context(), "hourly", time.Hour, bellRung{"a"}))
		time.Sleep(3*time.Hour + time.Second)
		n := 0
		for r, err := range st.Read(t.Context(), store.Query{}) {
			ok(t, err)
			if n++; r.CorrelationID != r.ID || !r.CausationID.IsZero() {
				t.Errorf("event %v has correlation %v and cause %v", r.ID, r.CorrelationID, r.CausationID)
			}
		}
		if n != 3 {
			t.Errorf("%d events, want 3", n)
		}
	})
}

func TestIntervalsDoNotDrift(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &watched{Driver: memory.New()}
		slow.before = func(c store.Commit) error { time.Sleep(300 * time.Millisecond); return nil }
		st, began := store.New(slow, store.Config{}), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		must[schedule.Schedule](t)(s.Every(t.Context(), "tick", time.Second, bellRung{"a"}, schedule.From(began)))
		start(t, s)
		time.Sleep(time.Hour)
		for i, f := range firings(t, st) {
			if want := began.Add(time.Duration(i+1) * time.Second); !f.due.Equal(want) || f.at.Before(f.due) {
				t.Fatalf("firing %d was due %v and fired %v, want %v", i, f.due, f.at, want)
			}
		}
		if n := len(firings(t, st)); n < 3598 {
			t.Errorf("fired %d times in an hour", n)
		}
	})
}

func TestANameIsAnIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx := newStore(t), t.Context()
		s := newScheduler(t, st, schedule.Config{})
		first := must[schedule.Schedule](t)(s.Every(ctx, "tick", time.Minute, bellRung{"a"}, schedule.With(event.WithTags("x"))))
		time.Sleep(10 * time.Second)
		again := must[schedule.Schedule](t)(s.Every(ctx, "tick", time.Minute, bellRung{"a"}, schedule.With(event.WithTags("x"))))
		if again != first {
			t.Errorf("made again it is %+v, want %+v", again, first)
		}
		for claim, call := range map[string]func(opts ...schedule.Option) error{
			"it is due every 1m0s, and the new one every 2m0s": func(opts ...schedule.Option) error {
				_, err := s.Every(ctx, "tick", 2*time.Minute, bellRung{"a"}, append(opts, schedule.With(event.WithTags("x")))...)
				return err
			},
			"with another event or misfire policy": func(opts ...schedule.Option) error {
				_, err := s.Every(ctx, "tick", time.Minute, bellRung{"b"}, append(opts, schedule.With(event.WithTags("x")))...)
				return err
			},
			"another event or misfire policy; give": func(opts ...schedule.Option) error {
				_, err := s.Every(ctx, "tick", time.Minute, bellRung{"a"}, append(opts, schedule.With(event.WithTags("x")), schedule.OnMisfire(schedule.Skip))...)
				return err
			},
		} {
			err := call()
			if !errors.Is(err, schedule.ErrExists) || !strings.Contains(err.Error(), claim) {
				t.Errorf("got %v, want %s", err, claim)
			}
		}
		if got := must[schedule.Schedule](t)(s.Get(ctx, "tick")); got != first {
			t.Errorf("after refusals it is %+v", got)
		}
	})
}

func TestReplaceTakesThePlaceFromNowOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		start(t, s)
		must[schedule.Schedule](t)(s.Every(ctx, "tick", 10*time.Second, bellRung{"a"}))
		time.Sleep(25 * time.Second)
		got := must[schedule.Schedule](t)(s.Every(ctx, "tick", 4*time.Second, bellRung{"a"}, schedule.Replace()))
		if got.Fired != 2 || !got.Next.Equal(began.Add(29*time.Second)) {
			t.Errorf("replaced, it is %+v", got)
		}
		time.Sleep(9 * time.Second)
		must[schedule.Schedule](t)(s.Every(ctx, "tick", 4*time.Second, bellRung{"a"}, schedule.Replace())) // defined alike: goes on
		time.Sleep(time.Second)
		ok(t, s.Pause(ctx, "tick"))
		if got := must[schedule.Schedule](t)(s.At(ctx, "tick", began.Add(time.Hour), bellRung{"a"}, schedule.Replace())); got.State != schedule.Paused {
			t.Errorf("replaced while paused, it is %+v", got)
		}
		time.Sleep(2 * time.Hour)
		if got, want := offsets(t, st, "tick", began), "10s 20s 29s 33s"; got != want {
			t.Errorf("fired at %s, want %s", got, want)
		}
	})
}

func TestWhatIsCancelledOrPausedDoesNotFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		start(t, s)
		for _, name := range []string{"cancelled", "paused", "once", "skipped"} {
			if name == "once" {
				must[schedule.Schedule](t)(s.At(ctx, name, began.Add(30*time.Second), bellRung{"a"}))
				continue
			}
			must[schedule.Schedule](t)(s.Every(ctx, name, 10*time.Second, bellRung{"a"}, schedule.OnMisfire(schedule.FireAll)))
		}
		time.Sleep(25 * time.Second)
		ok(t, s.Cancel(ctx, "cancelled"))
		ok(t, s.Pause(ctx, "paused"))
		ok(t, s.Pause(ctx, "paused"))
		ok(t, s.Pause(ctx, "once"))
		time.Sleep(20 * time.Second)
		if got := must[schedule.Schedule](t)(s.Get(ctx, "paused")); got.State != schedule.Paused || got.Fired != 2 {
			t.Errorf("paused, it is %+v", got)
		}
		ok(t, s.Resume(ctx, "paused"))
		ok(t, s.Resume(ctx, "paused"))
		ok(t, s.Resume(ctx, "once"))
		time.Sleep(10 * time.Second)
		for name, want := range map[string]string{
			"cancelled": "10s 20s", "paused": "10s 20s 50s", "once": "30s@45s", "skipped": "10s 20s 30s 40s 50s",
		} {
			if got := offsets(t, st, name, began); got != want {
				t.Errorf("%s fired at %s, want %s", name, got, want)
			}
		}
		for _, err := range []error{s.Cancel(ctx, "cancelled"), s.Pause(ctx, "once"), s.Resume(ctx, "never"), s.Cancel(ctx, "never")} {
			if !errors.Is(err, schedule.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
		}
	})
}

func TestRunNowFiresAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		start(t, s)
		must[schedule.Schedule](t)(s.Every(ctx, "tick", 10*time.Second, bellRung{"a"}))
		must[schedule.Schedule](t)(s.At(ctx, "once", began.Add(30*time.Second), bellRung{"a"}))
		time.Sleep(13 * time.Second)
		receipt := must[store.Receipt](t)(s.RunNow(ctx, "tick"))
		if receipt.First != 2 {
			t.Errorf("the receipt is %+v", receipt)
		}
		must[store.Receipt](t)(s.RunNow(ctx, "tick"))
		must[store.Receipt](t)(s.RunNow(ctx, "once"))
		if _, err := s.RunNow(ctx, "once"); !errors.Is(err, schedule.ErrNotFound) {
			t.Errorf("a second run returned %v", err)
		}
		must[schedule.Schedule](t)(s.At(ctx, "once", began.Add(30*time.Second), bellRung{"a"}))
		must[store.Receipt](t)(s.RunNow(ctx, "once")) // the due time has its event already
		time.Sleep(30 * time.Second)
		if got, want := offsets(t, st, "tick", began), "10s 13s 13s 20s 30s 40s"; got != want {
			t.Errorf("tick fired at %s, want %s", got, want)
		}
		if got, want := offsets(t, st, "once", began), "30s@13s"; got != want {
			t.Errorf("once fired at %s, want %s", got, want)
		}
	})
}

func TestPublishAtAndPublishAfterPublishLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		start(t, s)
		at := must[string](t)(s.PublishAt(ctx, began.Add(time.Hour), bellRung{"a"}, event.WithStream("later")))
		after := must[string](t)(s.PublishAfter(ctx, time.Minute, bellRung{"a"}))
		again := must[string](t)(s.PublishAfter(ctx, time.Minute, bellRung{"a"}))
		gone := must[string](t)(s.PublishAfter(ctx, time.Minute, bellRung{"a"}))
		ok(t, s.Cancel(ctx, gone))
		time.Sleep(2 * time.Hour)
		for name, want := range map[string]string{at: "1h0m0s", after: "1m0s", again: "1m0s", gone: ""} {
			if got := offsets(t, st, name, began); got != want {
				t.Errorf("%s fired at %q, want %q", name, got, want)
			}
		}
	})
}

func TestBadInputIsRefusedByName(t *testing.T) {
	st, ctx := newStore(t), t.Context()
	s := newScheduler(t, st, schedule.Config{})
	soon := time.Now().Add(time.Hour)
	try := func(_ any, err error) error { return err }
	for want, err := range map[string]error{
		`schedule name: is empty`:                               try(s.At(ctx, "", soon, bellRung{})),
		`schedule name: has the control character`:              try(s.At(ctx, "a\nb", soon, bellRung{})),
		`when: is 1960-01-01T00:00:00Z; it may be in the years`: try(s.At(ctx, "x", time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), bellRung{})),
		`when: is 3000`:                               try(s.At(ctx, "x", time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC), bellRung{})),
		`delay: is -1s`:                               try(s.After(ctx, "x", -time.Second, bellRung{})),
		`delay: is 2`:                                 try(s.After(ctx, "x", 1<<63-1, bellRung{})),
		`interval: is 0s, the shortest is 1ms`:        try(s.Every(ctx, "x", 0, bellRung{})),
		`interval: is -1h0m0s`:                        try(s.Every(ctx, "x", -time.Hour, bellRung{})),
		`timing: every 2562047h47m16.854775807s`:      try(s.Every(ctx, "x", 1<<63-1, bellRung{})),
		`from: is set, and the schedule is no`:        try(s.Cron(ctx, "x", "@daily", "", bellRung{}, schedule.From(soon))),
		`from: is 1900`:                               try(s.Every(ctx, "x", time.Hour, bellRung{}, schedule.From(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)))),
		`minute at byte 0: 61 is out of range`:        try(s.Cron(ctx, "x", "61 * * * *", "", bellRung{})),
		`time zone: "Europe/Atlantis" is not known`:   try(s.Cron(ctx, "x", "@daily", "Europe/Atlantis", bellRung{})),
		`time zone: "../etc/passwd" is not known`:     try(s.Cron(ctx, "x", "@daily", "../etc/passwd", bellRung{})),
		`time zone: is "Local", which is another one`: try(s.Cron(ctx, "x", "@daily", "Local", bellRung{})),
		`misfire: 7 is none of`:                       try(s.At(ctx, "x", soon, bellRung{}, schedule.OnMisfire(7))),
		`data: is nil`:                                try(s.At(ctx, "x", soon, nil)),
		`stream: has the control character`:           try(s.At(ctx, "x", soon, bellRung{}, schedule.With(event.WithStream("a\n")))),
		`id: is given; the id of an event is made`:    try(s.At(ctx, "x", soon, bellRung{}, schedule.With(event.WithID(event.NewID())))),
		`time: is given; the time of an event is`:     try(s.At(ctx, "x", soon, bellRung{}, schedule.With(event.WithTime(soon)))),
		`headers: schedulename and scheduledue are`:   try(s.At(ctx, "x", soon, bellRung{}, schedule.With(event.WithHeader(schedule.HeaderName, "y")))),
		`data: have 9437186 bytes, the limit of a`:    try(s.At(ctx, "x", soon, event.From("big", strings.Repeat("x", 9<<20)))),
		`headers: there are 65`:                       try(s.At(ctx, "x", soon, bellRung{}, schedule.With(manyHeaders(63)...))),
		`limit: is -1`:                                try(s.List(ctx, schedule.Page{Limit: -1})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, event.ErrInvalid) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if list := must[[]schedule.Schedule](t)(s.List(ctx, schedule.Page{})); len(list) != 0 {
		t.Errorf("there are %v", list)
	}
	for _, cfg := range []schedule.Config{{Poll: -1}, {Window: -1}, {Batch: -1}, {Batch: 3001}, {Late: -1}, {StopTimeout: -1}, {Source: "\n"}} {
		if _, err := schedule.New(st, cfg); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("%+v is refused with %v", cfg, err)
		}
	}
	if _, err := schedule.New(nil, schedule.Config{}); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("no store is refused with %v", err)
	}
}

func manyHeaders(n int) (opts []event.Option) {
	for i := range n {
		opts = append(opts, event.WithHeader(strings.Repeat("h", i+1), "v"))
	}
	return opts
}

func TestListIsPaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx, began := newStore(t), t.Context(), time.Now()
		s := newScheduler(t, st, schedule.Config{})
		names := []string{"a/1", "a/10", "a/2", "b", "c/1"}
		for _, name := range names {
			must[schedule.Schedule](t)(s.Cron(ctx, name, "0 9 * * mon", "Europe/Berlin", bellRung{"a"}))
		}
		var got []string
		for p := (schedule.Page{Limit: 2}); ; {
			page := must[[]schedule.Schedule](t)(s.List(ctx, p))
			for _, one := range page {
				got = append(got, one.Name)
			}
			if len(page) < 2 {
				break
			}
			p.After = page[1].Name
		}
		if strings.Join(got, " ") != strings.Join(names, " ") {
			t.Errorf("the pages have %v, want %v", got, names)
		}
		page := must[[]schedule.Schedule](t)(s.List(ctx, schedule.Page{Prefix: "a/", After: "a/1"}))
		if len(page) != 2 || page[0].Name != "a/10" || page[1].Name != "a/2" {
			t.Errorf("with a prefix there are %v", page)
		}
		want := schedule.Schedule{
			Name: "b", Timing: "cron 0 9 * * mon in Europe/Berlin", Recurring: true, Type: "bell.rung", Stream: "bell.rung", Created: began.UTC().Round(0),
			Next: time.Date(2000, time.January, 3, 8, 0, 0, 0, time.UTC),
		}
		if one := must[schedule.Schedule](t)(s.Get(ctx, "b")); one != want {
			t.Errorf("it is %+v, want %+v", one, want)
		}
	})
}

func TestRunRunsOnceAtATimeAndMayRunAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		s := newScheduler(t, st, schedule.Config{})
		stop := start(t, s)
		synctest.Wait()
		if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "already running") {
			t.Errorf("a second run returned %v", err)
		}
		stop()
		start(t, s)
		must[schedule.Schedule](t)(s.After(t.Context(), "x", time.Second, bellRung{"a"}))
		time.Sleep(2 * time.Second)
		if n := len(firings(t, st)); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
	})
}

func TestRunEndsWithTheStoresError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		s := newScheduler(t, st, schedule.Config{})
		ended := make(chan error, 1)
		go func() { ended <- s.Run(t.Context()) }()
		time.Sleep(time.Second)
		ok(t, st.Close())
		if err := <-ended; !errors.Is(err, store.ErrClosed) {
			t.Errorf("Run returned %v", err)
		}
	})
}

// failing is a committer that fails beside the receipt, as one does whose subscriptions fail.
type failing struct{ *store.Store }

func (f failing) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	receipt, err := f.Store.Commit(ctx, c)
	return receipt, errors.Join(err, errors.New("a subscription failed"))
}

func TestWhatFailsAfterTheCommitIsNotFiredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, began := newStore(t), time.Now()
		s := newScheduler(t, st, schedule.Config{Committer: failing{st}})
		start(t, s)
		must[schedule.Schedule](t)(s.Every(t.Context(), "tick", time.Second, bellRung{"a"}))
		time.Sleep(3500 * time.Millisecond)
		if got, want := offsets(t, st, "tick", began), "1s 2s 3s"; got != want {
			t.Errorf("fired at %s, want %s", got, want)
		}
	})
}

func TestStopLetsACommitFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		committer := &slowCommitter{store: st, takes: time.Second}
		s := newScheduler(t, st, schedule.Config{Committer: committer})
		must[schedule.Schedule](t)(s.After(t.Context(), "x", time.Second, bellRung{"a"}))
		stop := start(t, s)
		time.Sleep(1500 * time.Millisecond)
		stop()
		if n := len(firings(t, st)); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
		committer.takes = time.Hour
		must[schedule.Schedule](t)(s.After(t.Context(), "y", 0, bellRung{"a"}))
		stop = start(t, s)
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took != 10*time.Second || len(firings(t, st)) != 1 {
			t.Errorf("the stop took %v, with %d events", took, len(firings(t, st)))
		}
	})
}

type slowCommitter struct {
	store *store.Store
	takes time.Duration
}

func (c *slowCommitter) Commit(ctx context.Context, commit store.Commit) (store.Receipt, error) {
	select {
	case <-time.After(c.takes):
		return c.store.Commit(ctx, commit)
	case <-ctx.Done():
		return store.Receipt{}, ctx.Err()
	}
}

func TestWaitForWaitsForWhatIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, ctx := newStore(t), t.Context()
		s := newScheduler(t, st, schedule.Config{Batch: 1, Committer: &slowCommitter{store: st, takes: time.Minute}})
		for _, name := range []string{"a", "b", "c"} {
			must[schedule.Schedule](t)(s.After(ctx, name, 0, bellRung{name}))
		}
		must[schedule.Schedule](t)(s.After(ctx, "later", time.Hour, bellRung{"later"}))
		start(t, s)
		ok(t, s.WaitFor(ctx, 0))
		if n := len(firings(t, st)); n != 3 {
			t.Errorf("it returned after %d events, want 3", n)
		}
		began := time.Now()
		ok(t, s.WaitFor(ctx, 0))
		other := newScheduler(t, st, schedule.Config{})
		must[schedule.Schedule](t)(other.After(ctx, "d", 0, bellRung{"d"}))
		ok(t, other.WaitFor(ctx, 0))
		if took := time.Since(began); took < time.Minute || took > 62*time.Second || len(firings(t, st)) != 4 {
			t.Errorf("waiting for what another one fires took %v", took)
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		must[schedule.Schedule](t)(other.After(ctx, "e", 0, bellRung{"e"}))
		if err := other.WaitFor(short, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it returned %v", err)
		}
	})
}

// slowly is a committer with work to do after each commit.
type slowly struct {
	*store.Store
	done atomic.Int64
}

func (s *slowly) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	receipt, err := s.Store.Commit(ctx, c)
	time.Sleep(time.Minute)
	s.done.Add(1)
	return receipt, err
}

func TestWaitForWaitsUntilTheCommitterIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.New(memory.New(), store.Config{})
		defer st.Close()
		after := &slowly{Store: st}
		s, err := schedule.New(st, schedule.Config{Committer: after})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.After(t.Context(), "now", 0, map[string]any{"type": "reminder.sent"}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		if err := s.WaitFor(ctx, 0); err != nil {
			t.Fatal(err)
		}
		if after.done.Load() != 1 {
			t.Error("WaitFor returned while the committer worked")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
