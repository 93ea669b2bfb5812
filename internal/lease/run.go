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
	defer r.show(View{})
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

// round does all that is due.
func (r *run) round(ctx context.Context) error {
	if err := r.belong(ctx); err != nil {
		return err
	}
	r.looked = r.lease.now()
	s, err := r.load(ctx)
	if err != nil {
		return err
	}
	if !r.belongs(s) {
		return r.round(ctx)
	}
	r.tell(s)
	if err := r.bury(ctx, s); err != nil {
		return err
	}
	r.compare(s)
	err = r.share(ctx, s)
	r.show(s.view(r.member.id))
	return err
}

// tell passes the settings on when they are news.
func (r *run) tell(s *state) {
	if s.revision == r.known {
		return
	}
	if r.known == 0 && s.settings.Slots != r.cfg.Slots {
		r.log.Warn("the number of slots stays what the first run made it", "slots", s.settings.Slots, "configured", r.cfg.Slots)
	}
	r.known = s.revision
	r.cfg.Settings(s.settings)
}

// load looks, and fixes the number of slots if nobody did.
func (r *run) load(ctx context.Context) (*state, error) {
	ctx, cancel := r.limit(ctx)
	defer cancel()
	s, err := load(ctx, r.store, r.cfg.Bucket, r.cfg.Name)
	if err != nil || s.settings.Slots > 0 {
		return s, err
	}
	_, err = ChangeSettings(ctx, r.store, r.cfg.Bucket, r.cfg.Name, func(s *Settings) error {
		if s.Slots == 0 {
			s.Slots = r.cfg.Slots
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return load(ctx, r.store, r.cfg.Bucket, r.cfg.Name)
}

// limit returns the context of calls that must not last longer than a member may go without renewing.
func (r *run) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, r.cfg.TTL/3)
}

// compare tells the slots what the look found.
func (r *run) compare(s *state) {
	r.slotsMu.Lock()
	defer r.slotsMu.Unlock()
	for n, slot := range r.slots {
		if n >= len(s.slots) { // somebody deleted the settings, and there are fewer now
			slot.lose()
			continue
		}
		slot.look(s.slots[n].slotItem, s.slots[n].revision)
	}
}

// begin has the worker begin with a slot that is this run's now.
func (r *run) begin(ctx context.Context, number int, found slotItem, revision uint64) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &Slot{
		run: r, number: number, key: slotKey(r.cfg.Name, number), owner: found.Owner, ctx: ctx, cancel: cancel, told: make(chan struct{}, 1),
		data: found.Data, turn: found.Turn, revision: revision,
	}
	r.slotsMu.Lock()
	r.slots[number] = s
	r.slotsMu.Unlock()
	r.serving.Go(func() {
		if err := s.serve(r.worker); err != nil && ctx.Err() == nil {
			r.fail(err)
		}
		r.released <- s
	})
}

func (r *run) fail(err error) {
	select {
	case r.failed <- err:
	default:
	}
}

// drop forgets a slot on which nothing works any more.
func (r *run) drop(s *Slot) {
	s.lose()
	r.slotsMu.Lock()
	defer r.slotsMu.Unlock()
	delete(r.slots, s.number)
}

func (r *run) dropReleased() {
	for {
		select {
		case s := <-r.released:
			r.drop(s)
		default:
			return
		}
	}
}

// loseAll ends all slots, because the member may count as dead, or does.
func (r *run) loseAll() (lost int) {
	r.slotsMu.Lock()
	defer r.slotsMu.Unlock()
	for _, s := range r.slots {
		if !s.lost.Swap(true) {
			lost++
		}
		s.cancel(ErrLost)
	}
	return lost
}

// watch loses all slots when the lease runs out.
func (r *run) watch(done <-chan struct{}) {
	if !r.expires() {
		return
	}
	for {
		wait := r.lease.left()
		if r.lease.late() {
			if lost := r.loseAll(); lost > 0 {
				r.log.Warn("could not renew in time, slots are lost", "slots", lost)
			}
			wait = r.cfg.TTL / 3
		}
		timer := time.NewTimer(min(wait, r.cfg.TTL/3))
		select {
		case <-timer.C:
		case <-done:
			timer.Stop()
			return
		}
	}
}

// stop waits until nothing works on any slot any more, remaining a member meanwhile, and leaves.
func (r *run) stop(ctx context.Context) {
	for r.count() > 0 {
		timer := time.NewTimer(r.renewIn())
		select {
		case s := <-r.released:
			r.drop(s)
		case <-timer.C:
			if err := r.renew(ctx); err != nil {
				r.failing++
			} else {
				r.failing = 0
			}
		}
		timer.Stop()
	}
	r.serving.Wait()
	r.leave(ctx)
}

func (r *run) count() int {
	r.slotsMu.Lock()
	defer r.slotsMu.Unlock()
	return len(r.slots)
}
