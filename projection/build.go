package projection

import (
	"context"
	"errors"
	"slices"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/store"
)

// agree makes the state that of a first run, where there is none, and refuses one that is not this code's to change.
func (w *work[D]) agree() error {
	if w.state == nil {
		w.state = w.firstState()
	}
	switch s := w.state; {
	case s.Active == w.cfg.Version:
		return nil
	case s.Active < w.cfg.Version && s.Rejected < w.cfg.Version:
		s.Active = w.cfg.Version
		return nil
	default:
		return errOutdated
	}
}

func (p *Projection[D]) firstState() *state {
	s := &state{Active: p.cfg.Version}
	if !p.cfg.Inline {
		s.Last = 1
		s.Live = generation{Number: 1, Version: p.cfg.Version, Indexes: p.indexNames(), Begun: now()}
	}
	return s
}

// prepare does what comes before applying events: removes garbage, and begins a generation when the live one is not what this code
// would make.
func (w *work[D]) prepare(ctx context.Context) error {
	if w.cfg.Inline {
		if err := w.lookInline(ctx); err != nil {
			return err
		}
	}
	if err := w.collect(ctx); err != nil {
		return err
	}
	if err := w.dropIndexes(ctx); err != nil {
		return err
	}
	if err := w.doubtIndexes(ctx); err != nil {
		return err
	}
	s, names := w.state, w.indexNames()
	if s.Live.Version == w.cfg.Version && slices.Equal(s.Live.Indexes, names) {
		return nil
	}
	if s.Next != nil && s.Next.Version == w.cfg.Version && slices.Equal(s.Next.Indexes, names) {
		return nil
	}
	s = s.clone()
	s.begin(generation{Version: w.cfg.Version, Indexes: names, ByHand: w.cfg.ByHand})
	w.cfg.Logger.Info("projection begins to rebuild its documents", "projection", w.name,
		"version", w.cfg.Version, "live version", s.Live.Version, "indexes", names, "live indexes", s.Live.Indexes)
	return w.save(ctx, s, nil)
}

// dropIndexes takes the indexes that this code does not know out of the live generation, before its documents change without them.
func (w *work[D]) dropIndexes(ctx context.Context) error {
	g := w.state.Live
	if g.Version != w.cfg.Version || w.cfg.Inline {
		return nil
	}
	var kept []string
	for _, name := range g.Indexes {
		if slices.Contains(w.indexNames(), name) {
			kept = append(kept, name)
		} else {
			g.Stale = append(slices.Clone(g.Stale), name)
		}
	}
	if len(kept) == len(g.Indexes) {
		return nil
	}
	s := w.state.clone()
	g.Indexes = kept
	s.Live = g
	delete(w.docs, g.Number)
	return w.save(ctx, s, nil)
}

// builds reports whether there is a generation for this code to build.
func (w *work[D]) builds() bool {
	g := w.state.Next
	return g != nil && g.Version == w.cfg.Version && g.Failure == ""
}

// build brings the next generation to the head, and makes it live when it may be. busy is true when there is more to do at once.
func (w *work[D]) build(ctx context.Context, head store.Position) (busy bool, err error) {
	w.meter.building(w.state.Next.Number, w.state.Next.Position)
	err = w.advance(ctx, next, head, func() error { return w.between(ctx, head) })
	if isHalt(err) {
		return w.giveUp(ctx, err)
	}
	if err != nil {
		return false, err
	}
	if w.state.Live.Version == w.cfg.Version && w.state.Next.Position < w.state.Live.Position {
		return true, nil // the live one went on meanwhile
	}
	if w.state.Next.ByHand {
		return false, w.noteCaughtUp(ctx)
	}
	if w.cfg.Inline {
		return true, w.switchInline(ctx)
	}
	s := w.state.clone()
	s.switchOver()
	if err := w.save(ctx, s, nil); err != nil {
		return false, err
	}
	w.tell()
	w.cfg.Logger.Info("projection's rebuilt documents are live", "projection", w.name, "version", s.Live.Version, "generation", s.Live.Number)
	return true, nil
}

// between keeps the live generation up to date while the next one is built. When that has nearly caught up, the live one waits for it:
// otherwise it would be ahead again whenever events go on coming.
func (w *work[D]) between(ctx context.Context, target store.Position) error {
	w.meter.built(w.state.Next.Position)
	w.reached.touch()
	left := target - w.state.Next.Position
	if w.cfg.Inline || left <= 2*store.Position(w.cfg.batch(left)) {
		return nil
	}
	head, err := w.store.Head(ctx)
	if err != nil {
		return err
	}
	return w.follow(ctx, head)
}

// noteCaughtUp saves that the next generation has caught up, so that others know.
func (w *work[D]) noteCaughtUp(ctx context.Context) error {
	if w.state.Next.CaughtUp {
		return nil
	}
	s := w.state.clone()
	s.Next.CaughtUp = true
	if err := w.save(ctx, s, nil); err != nil {
		return err
	}
	w.reached.touch()
	return nil
}

// giveUp ends a rebuild whose handler fails. The documents that are live go on, if this code keeps them; otherwise the run ends.
func (w *work[D]) giveUp(ctx context.Context, halt error) (busy bool, err error) {
	if !w.cfg.Inline && w.state.Live.Version != w.cfg.Version {
		return false, halt
	}
	s := w.state.clone()
	s.Next.Failure = halt.Error()
	if err := w.save(ctx, s, nil); err != nil {
		return false, errors.Join(halt, err)
	}
	if found, ok := errors.AsType[*consumer.HaltError](halt); ok {
		w.meter.gaveUp(s.Next.Number, found)
	}
	w.cfg.Logger.Error("projection's rebuild has stopped; its live documents go on", "projection", w.name, "error", halt)
	w.reached.touch()
	return true, nil
}
