package oxbowtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// lab runs the trials of a simulation.
type lab struct {
	t   *testing.T
	sim *Simulation

	subject *subject // when it is the same for all seeds
}

// subject is a history, and what comes of it when nothing goes wrong.
type subject struct {
	history []event.Record
	calm    map[int]outcome // by the number of events that happen at once
}

// try runs one seed.
func (l *lab) try(seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 0))
	s, err := l.subjectOf(r)
	if err != nil {
		return err
	}
	calm := l.calm(s, 1)
	if len(calm.deliveries) == 0 {
		return fmt.Errorf("simulation: no part handles any of the %s of the history; look at the types and filters", count(len(s.history), "event"))
	}
	planner := planner{Rand: r, faults: l.sim.Faults, deliveries: calm.deliveries, events: len(s.history), parts: len(calm.names)}
	p := planner.plan()
	if l.differs(s, p) {
		return l.find(s, p, seed)
	}
	return nil
}

// subjectOf returns what the seed is about, when it makes sense: run calmly, it leads to the same effects each time, and nobody ends.
func (l *lab) subjectOf(r *rand.Rand) (*subject, error) {
	if l.subject != nil {
		return l.subject, nil
	}
	history, err := l.sim.history(r)
	if err != nil {
		return nil, fmt.Errorf("simulation: %w", err)
	}
	if len(history) == 0 {
		return nil, fmt.Errorf("simulation: %w", event.Invalid("History", "is empty; without events there is nothing to handle"))
	}
	s := &subject{history: history, calm: map[int]outcome{}}
	if err := l.examine(s); err != nil {
		return nil, err
	}
	if l.sim.Generate == nil {
		l.subject = s
	}
	return s, nil
}

// examine looks at what happens when nothing goes wrong.
func (l *lab) examine(s *subject) error {
	calm := l.calm(s, 1)
	switch {
	case calm.err != nil:
		return fmt.Errorf("simulation: %w", calm.err)
	case calm.failure != "":
		return fmt.Errorf("simulation: without any fault, %s ended: %s", calm.who(calm.failed), calm.failure)
	}
	if again := l.run(s.history, plan{window: 1}, false); len(differ(calm.effects, again.effects)) > 0 {
		return l.chance(s)
	}
	if !slices.Contains(l.sim.Faults, ClockJumps) {
		return nil
	}
	shifted := plan{window: 1, faults: []fault{{kind: jump, part: -1, label: labelOf(0), wait: 397 * 24 * time.Hour}}}
	if l.differs(s, shifted) {
		return l.find(s, shifted, 0)
	}
	return nil
}

// calm returns what comes of the history when so many events happen at once and nothing goes wrong.
func (l *lab) calm(s *subject, window int) outcome {
	if out, ok := s.calm[window]; ok {
		return out
	}
	out := l.run(s.history, plan{window: window}, false)
	s.calm[window] = out
	return out
}

// differs reports whether what the plan leads to is not what comes of it calmly.
func (l *lab) differs(s *subject, p plan) bool {
	calm, out := l.calm(s, p.window), l.run(s.history, p, false)
	return out.failure != calm.failure || len(differ(calm.effects, out.effects)) > 0
}

// who names a part.
func (o *outcome) who(part int) string {
	if part < 0 || part >= len(o.names) {
		return "a part"
	}
	if o.names[part] == "" {
		return "a " + o.kinds[part]
	}
	return o.kinds[part] + " " + o.names[part]
}
