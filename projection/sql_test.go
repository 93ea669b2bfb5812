package projection_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// counters is a projection into a database: cents by account.
func counters(t *testing.T, st *store.Store, db *sql.DB, cfg projection.SQLConfig) *projection.SQL {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	p, err := projection.NewSQL(st, db, "accounts", cfg)
	if err != nil {
		t.Fatal(err)
	}
	projection.OnSQL(p, func(ctx context.Context, tx *sql.Tx, e event.Event[deposited]) error {
		_, err := tx.ExecContext(ctx, "add", e.Data.Account, e.Data.Cents)
		return err
	})
	return p
}

func waitForSQL(t *testing.T, p *projection.SQL, position store.Position) {
	t.Helper()
	if err := p.WaitFor(t.Context(), position); err != nil {
		t.Fatal(err)
	}
}

func TestKilledAtEveryStepADatabaseIsThatOfACalmRun(t *testing.T) {
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			st := newStore(t)
			deposit(t, st, "ann", 1, 2, 3)
			deposit(t, st, "bob", 4, 5, 6)
			last := deposit(t, st, "ann", 7)
			calm := newFakeDB()
			db := calm.open()
			stop := start(t, counters(t, st, db, projection.SQLConfig{Batch: 3}))
			waitForSQL(t, counters(t, st, db, projection.SQLConfig{}), last)
			if err := errors.Join(stop(), db.Close()); err != nil {
				t.Fatal(err)
			}
			want, _ := calm.snapshot()
			if want["ann"] != 13 || want["bob"] != 15 {
				t.Fatalf("a calm run made %v", want)
			}
			at := 1
			for ; ; at++ {
				fake := newFakeDB()
				fake.crashAt, fake.late = at, late
				db := fake.open()
				retry := consumer.Retry{Attempts: 1}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				err := counters(t, st, db, projection.SQLConfig{Batch: 3, Retry: retry}).Run(ctx)
				cancel()
				if err == nil { // it takes fewer steps
					if err := db.Close(); err != nil {
						t.Error(err)
					}
					break
				}
				if !errors.Is(err, errCrash) {
					t.Fatalf("killed at step %d, Run returned %v", at, err)
				}
				fake.revive()
				again := counters(t, st, db, projection.SQLConfig{Batch: 3})
				stop := start(t, again)
				waitForSQL(t, again, last)
				if err := errors.Join(stop(), db.Close()); err != nil {
					t.Fatal(err)
				}
				if got, _ := fake.snapshot(); !maps.Equal(got, want) {
					t.Errorf("killed at step %d (late: %v), the database has %v, want %v", at, late, got, want)
				}
			}
			if at < 20 {
				t.Errorf("a run took only %d steps", at)
			}
		})
	}
}

func TestADatabaseThatFailsForAWhileIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		fake := newFakeDB()
		db := fake.open()
		defer db.Close()
		p := counters(t, st, db, projection.SQLConfig{})
		stop := start(t, p)
		waitForSQL(t, p, deposit(t, st, "ann", 1))
		fake.mu.Lock()
		fake.lose = true // the commit happens, and its answer is lost
		fake.mu.Unlock()
		last := deposit(t, st, "ann", 2)
		waitForSQL(t, p, last)
		if got, _ := fake.snapshot(); got["ann"] != 3 {
			t.Errorf("the database has %v, want 3", got)
		}
		fake.mu.Lock()
		fake.crashAt, fake.late = fake.steps+1, false // it is gone for a while
		fake.mu.Unlock()
		last = deposit(t, st, "ann", 4)
		time.Sleep(time.Second)
		fake.revive()
		waitForSQL(t, p, last)
		if got, _ := fake.snapshot(); got["ann"] != 7 {
			t.Errorf("the database has %v, want 7", got)
		}
		if stats, err := p.Stats(t.Context()); err != nil || stats.LastError == nil || stats.Lag > 0 || !stats.Works {
			t.Errorf("stats are %+v, %v", stats, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAPausedProcessCommitsNothingToTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		driver := memory.New()
		defer driver.Close()
		st := store.New(shared{driver}, store.Config{})
		fake := newFakeDB()
		db := fake.open()
		defer db.Close()
		cfg := projection.SQLConfig{}
		paused := counters(t, st, db, cfg)
		asleep, awake := make(chan struct{}), make(chan struct{})
		pause := true
		paused.OnAny(func(ctx context.Context, _ *sql.Tx, r event.Record) error {
			if pause {
				pause = false
				close(asleep)
				<-awake
			}
			return nil
		})
		stopPaused := start(t, paused)
		last := deposit(t, st, "ann", 1)
		<-asleep
		other := counters(t, st, db, cfg)
		stopOther := start(t, other)
		// A lease that is not renewed in time cannot be had in a bubble whose process goes on renewing, so another one takes the row.
		if err := other.Reset(t.Context(), func(context.Context, *sql.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
		close(awake)
		waitForSQL(t, paused, last)
		time.Sleep(5 * time.Second)
		if got, _ := fake.snapshot(); got["ann"] != 1 {
			t.Errorf("the database has %v, want the event once", got)
		}
		if err := errors.Join(stopPaused(), stopOther()); err != nil {
			t.Error(err)
		}
	})
}

func TestResetReplaysIntoTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		fake := newFakeDB()
		db := fake.open()
		defer db.Close()
		p := counters(t, st, db, projection.SQLConfig{})
		var fresh []store.Position
		p.OnAny(func(ctx context.Context, _ *sql.Tx, r event.Record) error {
			if !projection.Replaying(ctx) {
				fresh = append(fresh, r.Position)
			}
			return nil
		})
		stop := start(t, p)
		waitForSQL(t, p, deposit(t, st, "ann", 1, 2))
		err := p.Reset(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "empty")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if got, _ := fake.snapshot(); got["ann"] != 3 {
			t.Errorf("without a new event, Reset was followed by %v", got)
		}
		waitForSQL(t, p, deposit(t, st, "bob", 3))
		if got, _ := fake.snapshot(); !maps.Equal(got, map[string]int64{"ann": 3, "bob": 3}) {
			t.Errorf("after Reset the database has %v", got)
		}
		if fmt.Sprint(fresh) != "[1 2 3]" {
			t.Errorf("events %v were new, want each once", fresh)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		next := counters(t, st, db, projection.SQLConfig{Version: 2}) // beside the first, from the first event
		stop = start(t, next)
		waitForSQL(t, next, 3)
		if got, _ := fake.snapshot(); got["bob"] != 6 {
			t.Errorf("version 2 made %v", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestPlaceholdersAreThoseOfTheDatabase(t *testing.T) {
	if got := projection.Dollar(3) + projection.Question(3); got != "$3?" {
		t.Errorf("placeholders are %s", got)
	}
	st := newStore(t)
	db := newFakeDB().open()
	defer db.Close()
	for _, cfg := range []projection.SQLConfig{{Table: "x; drop table y"}, {Batch: -1}, {Version: -1}} {
		if _, err := projection.NewSQL(st, db, "p", cfg); !errors.Is(err, event.ErrInvalid) {
			t.Errorf("NewSQL(%+v) returned %v", cfg, err)
		}
	}
	if _, err := projection.NewSQL(st, nil, "p", projection.SQLConfig{}); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("without a database: %v", err)
	}
}
