package lease

import "context"

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

func (r *run) count() int {
	r.slotsMu.Lock()
	defer r.slotsMu.Unlock()
	return len(r.slots)
}
