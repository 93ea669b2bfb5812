package projection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
)

// lookEvery is how often a process looks at what another one has reached.
const lookEvery = 50 * time.Millisecond

// Rebuild replays every event into a new generation of documents and then puts it in place of the live one, in one commit. Readers see
// the live documents until then, and these go on following. With Config.ByHand it returns when the new ones have caught up; they then
// follow too, until Switch or Abandon.
//
// Whoever runs the projection does the work, in whatever process; this one does when nobody else can. It goes on with a rebuild of the
// same version that was cut short. When ctx ends, the next Run or Rebuild goes on with it; Abandon ends it. progress, which may be nil,
// is told how far it is.
func (p *Projection[D]) Rebuild(ctx context.Context, progress func(done, head store.Position)) error {
	if err := p.check(); err != nil {
		return err
	}
	select {
	case p.rebuilding <- struct{}{}:
		defer func() { <-p.rebuilding }()
	default:
		return fmt.Errorf("projection %s: is already being rebuilt", p.name)
	}
	var number uint64
	err := p.change(ctx, func(s *state) (err error) {
		number, err = p.beginRebuild(s)
		return err
	})
	if err == nil {
		err = p.await(ctx, number, progress)
	}
	if err != nil && !isHalt(err) {
		return fmt.Errorf("rebuild projection %s: %w", p.name, err)
	}
	return err
}

func (p *Projection[D]) beginRebuild(s *state) (number uint64, err error) {
	if s.Active > p.cfg.Version || s.Rejected >= p.cfg.Version && s.Active != p.cfg.Version {
		return 0, fmt.Errorf("this program's version is %d, and version %d is active; only that can be rebuilt", p.cfg.Version, s.Active)
	}
	s.Active = p.cfg.Version
	if p.resumes(s.Next) {
		return s.Next.Number, nil
	}
	s.begin(generation{Version: p.cfg.Version, Indexes: p.indexNames(), ByHand: p.cfg.ByHand})
	return s.Next.Number, nil
}

// resumes reports whether a rebuild may go on with what was built.
func (p *Projection[D]) resumes(g *generation) bool {
	return g != nil && g.Version == p.cfg.Version && g.Failure == "" && slices.Equal(g.Indexes, p.indexNames())
}

// Switch makes what was rebuilt with Config.ByHand the live documents, as soon as it has caught up.
func (p *Projection[D]) Switch(ctx context.Context) error {
	var number uint64
	err := p.change(ctx, func(s *state) error {
		if s.Next == nil {
			return errors.New("nothing is being rebuilt")
		}
		if s.Next.Version != p.cfg.Version {
			return fmt.Errorf("version %d is being rebuilt, and this program's version is %d", s.Next.Version, p.cfg.Version)
		}
		s.Next.ByHand = false
		number = s.Next.Number
		return nil
	})
	if err == nil {
		err = p.await(ctx, number, nil)
	}
	return p.named("switch", err)
}

// SwitchBack makes the documents that were live before the last rebuild the live ones again, at once. They stand where they stood, and go
// on from there when code of their version runs: events that were applied since are then replayed. Code of the version that was switched
// back from stands aside, until it is switched to again in the same way, or has a still higher version.
func (p *Projection[D]) SwitchBack(ctx context.Context) error {
	return p.named("switch back", p.change(ctx, func(s *state) error {
		if p.cfg.Inline {
			return errors.New("the documents before were not kept up to date with the commits since; rebuild with the code of before")
		}
		if s.Previous == nil {
			return errors.New("the documents that were live before are not kept any more")
		}
		s.switchBack()
		return nil
	}))
}

// Abandon ends a rebuild, and throws away what it built. A version that is not live then stands aside as after SwitchBack.
func (p *Projection[D]) Abandon(ctx context.Context) error {
	return p.named("abandon rebuild", p.change(ctx, func(s *state) error {
		if s.Next == nil {
			return nil
		}
		if s.Next.Version > s.Live.Version && s.Live.Version > 0 {
			s.Rejected, s.Active = s.Next.Version, s.Live.Version
		}
		s.throwAway(s.Next)
		s.Next = nil
		return nil
	}))
}

// DropPrevious throws away the documents that SwitchBack would go back to. The next rebuild does that by itself.
func (p *Projection[D]) DropPrevious(ctx context.Context) error {
	return p.named("drop previous documents", p.change(ctx, func(s *state) error {
		s.throwAway(s.Previous)
		s.Previous = nil
		return nil
	}))
}

func (p *Projection[D]) named(what string, err error) error {
	if err == nil || isHalt(err) {
		return err
	}
	return fmt.Errorf("%s of projection %s: %w", what, p.name, err)
}

// change changes the state, whoever works on the projection, who is told.
func (p *Projection[D]) change(ctx context.Context, fn func(*state) error) error {
	edit := func() error {
		return lease.Change(ctx, p.store, Bucket, p.name, func(_ int, data json.RawMessage) (json.RawMessage, error) {
			s, err := decodeState(p.name, data)
			if err != nil {
				return nil, err
			}
			if s == nil {
				s = p.firstState()
			}
			if err := fn(s); err != nil {
				return nil, err
			}
			return s.encode()
		})
	}
	err := edit()
	if errors.Is(err, lease.ErrUnknown) {
		if _, err := lease.ChangeSettings(ctx, p.store, Bucket, p.name, oneSlot); err != nil {
			return err
		}
		err = edit()
	}
	p.poke()
	p.reached.touch()
	return err
}

func oneSlot(s *lease.Settings) error {
	s.Slots = 1
	return nil
}

// await returns when the generation is live, or waits for Switch. It does the work while nobody in this process runs.
func (p *Projection[D]) await(ctx context.Context, number uint64, progress func(done, head store.Position)) error {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	working := false
	defer func() {
		cancel()
		if working {
			<-ended
			<-p.working
		}
	}()
	for {
		_, _, moved := p.reached.look()
		s, err := loadState(ctx, p.store, p.name)
		if err != nil {
			return err
		}
		done, err := p.arrived(s, number)
		if err == nil {
			err = p.tellProgress(ctx, s, number, progress)
		}
		if done || err != nil {
			return err
		}
		if !working {
			working = p.workUntil(ctx, number, ended)
		}
		select {
		case <-moved:
		case <-time.After(lookEvery):
		case err := <-ended:
			ended <- err
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// workUntil begins to run until the generation has arrived, unless somebody in this process runs already.
func (p *Projection[D]) workUntil(ctx context.Context, number uint64, ended chan<- error) bool {
	select {
	case p.working <- struct{}{}:
	default:
		return false
	}
	go func() {
		ended <- p.runUntil(ctx, func(s *state) bool {
			done, err := p.arrived(s, number)
			return done || err != nil
		})
	}()
	return true
}

// arrived reports whether a generation has become what a rebuild makes of it.
func (p *Projection[D]) arrived(s *state, number uint64) (bool, error) {
	switch {
	case s == nil:
		return false, nil
	case s.Next != nil && s.Next.Number == number && s.Next.Failure != "":
		return false, p.meter.halt(number, s.Next.Failure)
	case s.Next != nil && s.Next.Number == number:
		return s.Next.ByHand && s.Next.CaughtUp, nil
	case s.Live.Number >= number || s.Previous != nil && s.Previous.Number == number:
		return true, nil
	default:
		return false, errors.New("it was abandoned, or another version took its place")
	}
}

func (p *Projection[D]) tellProgress(ctx context.Context, s *state, number uint64, progress func(done, head store.Position)) error {
	if progress == nil || s == nil {
		return nil
	}
	head, err := p.store.Head(ctx)
	if err != nil {
		return err
	}
	g := &s.Live
	if s.Next != nil && s.Next.Number == number {
		g = s.Next
	}
	progress(g.Position, head)
	return nil
}
