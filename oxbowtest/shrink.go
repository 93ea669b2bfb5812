package oxbowtest

import (
	"time"
)

// shrink returns the least that it finds to show what p shows: a shorter history, fewer faults, fewer events at once, simpler faults.
func (l *lab) shrink(s *subject, p plan) (*subject, plan) {
	p = l.fewer(s, p)
	if shorter := l.shorter(s, p); l.differs(shorter, p) {
		s, p = shorter, l.fewer(shorter, p)
	}
	for window := 1; window < p.window; window++ {
		if smaller := (plan{window, p.faults}); l.differs(s, smaller) {
			p = l.fewer(s, smaller)
			break
		}
	}
	return s, l.simpler(s, p)
}

// shorter returns the history up to where the effects first differ. They may be the same again later.
func (l *lab) shorter(s *subject, p plan) *subject {
	step, _ := parting(l.run(s.history, plan{window: p.window}, true), l.run(s.history, p, true))
	end := min(len(s.history), (step+1)*p.window)
	return &subject{history: s.history[:max(1, end)], calm: map[int]outcome{}}
}

// fewer leaves out every fault that is not needed.
func (l *lab) fewer(s *subject, p plan) plan {
	for i := 0; i < len(p.faults); {
		if less := p.without(i); l.differs(s, less) {
			p, i = less, 0
			continue
		}
		i++
	}
	return p
}

// simpler puts simpler faults in place of the ones there are, and then looks for the first event at which one shows.
func (l *lab) simpler(s *subject, p plan) plan {
	for i, f := range p.faults {
		for _, easier := range f.easier(p.window) {
			q := p.with(append(append(append([]fault{}, p.faults[:i]...), easier), p.faults[i+1:]...)...)
			if l.differs(s, q) {
				p = q
				break
			}
		}
	}
	if len(p.faults) == 1 {
		return l.first(s, p)
	}
	return p
}

// easier returns faults that are easier to understand, the easiest first.
func (f fault) easier(window int) (all []fault) {
	if window > 1 && f.kind < delay && f.kind != crashLate { // it may be about the order alone
		later := fault{kind: delay, part: f.part, label: f.label, wait: time.Second}
		all = append(all, later)
	}
	switch f.kind {
	case crashLate:
		handled := f
		handled.kind = crashHandled
		all = append(all, handled)
		for n := 1; n < f.n; n++ {
			less := f
			less.n = n
			all = append(all, less)
		}
	case crashBefore, crashAfter, loseAnswer:
		handled := f
		handled.kind, handled.n = crashHandled, 1
		all = append(all, handled)
	case jump:
		if f.wait > live { // it may not take long, or be the restart and not the time
			moment, restart := f, f
			moment.wait, restart.wait = time.Second, 0
			all = append(all, moment, restart)
		}
	case delay, slow:
		for wait := time.Millisecond; wait < f.wait; wait *= 2 {
			less := f
			less.wait = wait
			all = append(all, less)
		}
	}
	return all
}

// first moves the one fault to the first event that the part handles at which it shows.
func (l *lab) first(s *subject, p plan) plan {
	f := p.faults[0]
	for _, d := range l.calm(s, p.window).deliveries {
		if d.part != f.part {
			continue
		}
		if d.label == f.label {
			break
		}
		earlier := f
		earlier.label = d.label
		if q := p.with(earlier); l.differs(s, q) {
			return q
		}
	}
	return p
}
