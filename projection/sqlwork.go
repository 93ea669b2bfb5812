package projection

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
)

// sqlBucket is where the leases of projections into databases are.
const sqlBucket = Bucket + ".sql"

// Run applies events until ctx ends, and then returns nil; or until something stops it: a *consumer.HaltError, or the store's or the
// database's error. Of several runs of one name and version, one works and the others stand by. It may be called again.
func (p *SQL) Run(ctx context.Context) error {
	if err := p.handlers.check(); err != nil {
		return fmt.Errorf("projection %s: %w", p.name, err)
	}
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
	default:
		return fmt.Errorf("projection %s: is already running", p.name)
	}
	return outcome(ctx, p.name, p.join(ctx))
}

func (p *SQL) leaseName() string { return fmt.Sprintf("%s@%d", p.name, p.cfg.Version) }

func (p *SQL) join(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, err := lease.New(p.store, lease.Config{
		Bucket: sqlBucket, Name: p.leaseName(), Slots: 1, TTL: p.cfg.Lease, Logger: p.cfg.Logger,
	})
	if err != nil {
		return err
	}
	var ended error // is written before the lease's Run returns
	w := &sqlWork{SQL: p, end: func(err error) { ended = err; cancel() }}
	w.engine = engine[*sql.Tx]{
		name: p.name, handlers: &p.handlers, retry: p.cfg.Retry, logger: p.cfg.Logger,
		tell: teller{p.cfg.Hook, p.label()}, failed: p.meter.failed,
	}
	if err := g.Run(ctx, w); err != nil {
		return err
	}
	return ended
}

// sqlWork is what a run does while it has the projection's slot, and the target of its events.
type sqlWork struct {
	*SQL
	engine engine[*sql.Tx]
	end    func(error)
	slot   *lease.Slot
	ended  chan struct{}

	saved row            // in the database
	at    time.Time      // when it was saved
	now   store.Position // up to which there is nothing left to apply
	tx    *sql.Tx        // under way
	wake  signal
}

// Gained begins the work.
func (w *sqlWork) Gained(ctx context.Context, s *lease.Slot) error {
	w.slot, w.ended = s, make(chan struct{})
	go func() {
		defer close(w.ended)
		if err := w.run(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errNotHeld) {
			w.end(err)
		}
	}()
	return nil
}

// Changed makes the work look at its position in the database again: Reset has changed it.
func (w *sqlWork) Changed(*lease.Slot) { w.wake.set() }

// Release waits for the work.
func (w *sqlWork) Release(*lease.Slot) {
	<-w.ended
	w.reached.set(false, 0)
}

// run applies events, and takes the projection over again when somebody changed its position.
func (w *sqlWork) run(ctx context.Context) error {
	for {
		if err := w.take(ctx); err != nil {
			return err
		}
		if err := w.follow(ctx); !errors.Is(err, errFenced) {
			return err
		}
		if !w.slot.Held() {
			return errNotHeld
		}
	}
}

// take claims the row, and tries again while the database fails, as often as for a handler.
func (w *sqlWork) take(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		r, err := w.claim(ctx)
		if err == nil {
			w.saved, w.now, w.at = r, r.position, time.Now()
			w.reached.set(true, w.now)
			return nil
		}
		wait, again := w.cfg.Retry.Delay(err, attempt)
		if !again || ctx.Err() != nil {
			return fmt.Errorf("read position from %s: %w", w.cfg.Table, err)
		}
		w.cfg.Logger.Warn("projection's database failed, will try again", "projection", w.name, "attempt", attempt, "wait", wait, "error", err)
		if err := backoff.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// follow applies events until something fails.
func (w *sqlWork) follow(ctx context.Context) error {
	for {
		head, err := w.store.Head(ctx)
		if err != nil {
			return err
		}
		if err := w.advance(ctx, head); err != nil {
			return err
		}
		if passed := w.now - w.saved.position; passed >= saveEvery || passed > 0 && time.Since(w.at) >= saveAfter {
			if err := w.pass(ctx); err != nil {
				return err
			}
		}
		if err := w.wait(ctx, head); err != nil {
			return err
		}
		if w.wake.take() {
			return errFenced
		}
	}
}

func (w *sqlWork) advance(ctx context.Context, head store.Position) error {
	if w.now >= head {
		return nil
	}
	ctxs := newContexts(ctx, 0)
	s := span{after: w.now, head: head, size: (&Config{Batch: w.cfg.Batch}).batch(head - w.now)}
	for b, err := range w.handlers.batches(ctx, w.store, s) {
		if err != nil {
			return err
		}
		ctxs.effects = w.saved.effects
		if err := w.engine.apply(ctx, &ctxs, w, b); err != nil {
			return err
		}
		w.now = b.upTo
		w.reached.set(true, w.now)
	}
	return nil
}

// pass saves the position where there was no event. A database that fails then is met again with the next event.
func (w *sqlWork) pass(ctx context.Context) error {
	is := w.saved
	is.position = w.now
	err := w.inTx(ctx, func(tx *sql.Tx) error { return w.write(ctx, tx, w.saved, is) })
	if err == nil {
		w.saved = is
	} else if errors.Is(err, errFenced) || ctx.Err() != nil {
		return err
	} else {
		w.cfg.Logger.Warn("projection's position could not be saved", "projection", w.name, "error", err)
	}
	w.at = time.Now()
	return nil
}

func (w *sqlWork) wait(ctx context.Context, head store.Position) error {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	if w.now > w.saved.position {
		waiting, cancel = context.WithTimeout(waiting, saveAfter-time.Since(w.at))
		defer cancel()
	}
	defer w.wake.call(cancel)()
	_, err := w.store.Wait(waiting, head)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return nil
	}
	return err
}

// begin begins a transaction. A database that fails is a failure of the event, to be tried again.
func (w *sqlWork) begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, &unfit{err}
	}
	w.tx = tx
	return tx, nil
}

func (w *sqlWork) full() bool { return false }
func (w *sqlWork) held() bool { return w.slot.Held() }

func (w *sqlWork) drop() {
	if w.tx == nil {
		return
	}
	if err := ignoreDone(w.tx.Rollback()); err != nil { // the database rolls back by itself when the connection is gone
		w.cfg.Logger.Warn("projection's transaction could not be rolled back", "projection", w.name, "error", err)
	}
	w.tx = nil
}

// commit writes the position and commits. When it is not known whether that happened, the next write finds out: it is fenced off if so.
func (w *sqlWork) commit(ctx context.Context, upTo store.Position, events int) error {
	is := row{position: upTo, effects: max(w.saved.effects, upTo), fence: w.saved.fence}
	if err := w.write(ctx, w.tx, w.saved, is); err != nil {
		if errors.Is(err, errFenced) {
			return err
		}
		return &unfit{fmt.Errorf("write position: %w", err)}
	}
	if err := w.tx.Commit(); err != nil {
		return &unfit{fmt.Errorf("commit: %w", err)}
	}
	w.tx, w.saved, w.at = nil, is, time.Now()
	w.meter.applied(events)
	return nil
}
