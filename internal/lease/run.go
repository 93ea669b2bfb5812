package lease

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

// run is one call of Run. One goroutine looks, renews and shares; one watches the clock, so that slots are lost in time also while a
// call of the store does not return; and each slot has one that calls the worker.
type run struct {
	*Group
	worker  Worker
	log     *slog.Logger
	lease   *clock
	opening string // of the exclusive store; "" when leases expire
	member  member
	seen    map[string]sighting // other members, where leases expire
	known   uint64              // revision of the settings that were told
	looked  time.Duration       // when the last look began
	last    *state              // what it found, with what was taken and given since; nil before
	failing int                 // failures in a row

	serving  sync.WaitGroup
	released chan *Slot // those on which nothing works any more
	failed   chan error // what Gained returned

	slotsMu sync.Mutex
	slots   map[int]*Slot // from Gained until it was taken from released
}

func newRun(g *Group, w Worker) *run {
	r := &run{
		Group: g, worker: w, log: g.cfg.Logger.With("lease", g.cfg.Name), lease: newClock(), seen: map[string]sighting{},
		released: make(chan *Slot), failed: make(chan error, 1), slots: map[int]*Slot{},
	}
	if opening, ok := g.store.Exclusive(); ok && !g.cfg.Expire {
		r.opening = opening.String()
	}
	return r
}

func (r *run) run(ctx context.Context) error {
	defer r.show(&state{}, "")
	watching := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() { r.watch(watching) })
	inner, cancel := context.WithCancelCause(ctx)
	err := r.work(inner)
	cancel(err)
	r.stop(context.WithoutCancel(ctx))
	close(watching)
	watcher.Wait()
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// work looks and shares until ctx ends or there is no point in going on.
func (r *run) work(ctx context.Context) error {
	for {
		if err := r.attempt(ctx); err != nil {
			return err
		}
		timer := time.NewTimer(r.pause())
		select {
		case <-timer.C:
		case <-r.poke:
		case s := <-r.released:
			r.drop(s)
		case err := <-r.failed:
			timer.Stop()
			return err
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
		r.dropReleased()
	}
}

// attempt is a round whose failure is not the end, unless nothing can mend it.
func (r *run) attempt(ctx context.Context) error {
	err := r.round(ctx)
	switch {
	case err == nil:
		if r.failing > 0 {
			r.log.Info("the store answers again")
		}
		r.failing = 0
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case permanent(err):
		return err
	}
	if r.failing++; r.failing == 1 {
		r.log.Warn("the store failed, will try again until it answers", "error", err)
	}
	return nil
}

// permanent reports whether trying again does not help.
func permanent(err error) bool {
	for _, final := range [...]error{store.ErrClosed, store.ErrFailed, store.ErrDamaged, event.ErrInvalid} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// pause returns how long to wait before the next round.
func (r *run) pause() time.Duration {
	if r.failing > 0 {
		return r.again()
	}
	next := r.looked + r.cfg.Poll
	if r.expires() {
		next = min(next, r.member.renewed+r.cfg.TTL/3)
	}
	return next - r.lease.now()
}

// again returns how long to wait after a failure: not so long that a lease runs out though the store is back in time.
func (r *run) again() time.Duration {
	return backoff.Delay(r.failing, 20*time.Millisecond, min(r.cfg.Poll, r.cfg.TTL/20))
}

func (r *run) expires() bool { return r.opening == "" }
