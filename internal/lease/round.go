package lease

import "context"

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
	r.last = s
	r.show(s, r.member.id)
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
	s, err := load(ctx, r.store, r.cfg.Bucket, r.cfg.Name, r.last)
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
	return load(ctx, r.store, r.cfg.Bucket, r.cfg.Name, nil)
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
