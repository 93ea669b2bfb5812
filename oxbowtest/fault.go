package oxbowtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Fault is something that may go wrong in a [Simulation]. Whatever it is, Oxbow's guarantees hold.
type Fault int

// What may go wrong.
const (
	// Duplicates: a process crashes after a handler succeeded and before its checkpoint was saved, so that the record is delivered again;
	// also several records, when the checkpoint was late.
	Duplicates Fault = iota + 1
	// Crashes: a process crashes right before or right after a commit, be it a handler's own or that of a checkpoint.
	Crashes
	// StoreErrors: a commit of a handler fails once, and has not happened, or has happened all the same.
	StoreErrors
	// Reordering: events of different keys are handled in another order, since several happen at once, and handlers begin later or take
	// longer. Without it, events happen one by one.
	Reordering
	// ClockJumps: seconds, hours or years pass before an event happens; meanwhile, when it is more than a minute, the program is down.
	ClockJumps
)

// kind is one way in which a Fault can happen.
type kind int

const (
	crashHandled kind = iota + 1 // after the handler succeeded
	crashLate                    // likewise, with n more records handled before
	crashBefore                  // before the n-th commit at the event
	crashAfter                   // after it
	refuse                       // a handler's n-th commit has not happened
	loseAnswer                   // it has, and the handler gets an error
	delay                        // the handler begins later
	slow                         // it takes longer
	jump                         // time passes before the event happens
	hold                         // time passes before the handler begins: to find out whose clock it is
)

// fault is one thing that goes wrong, once, when a part handles an event.
type fault struct {
	kind  kind
	part  int
	label string // the event's
	n     int
	wait  time.Duration
}

// plan is all that goes wrong in one run.
type plan struct {
	window int // events that happen at once
	faults []fault
}

// without returns the plan less one fault.
func (p plan) without(i int) plan {
	p.faults = slices.Delete(slices.Clone(p.faults), i, i+1)
	return p
}

func (p plan) with(faults ...fault) plan {
	p.faults = faults
	return p
}

// maxWindow is the largest number of events that happen at once.
const maxWindow = 8

// planner makes plans.
type planner struct {
	*rand.Rand
	faults     []Fault
	deliveries []delivery // of the calm run
	events     int
	parts      int
}

func (r *planner) plan() plan {
	p := plan{window: 1}
	if r.IntN(5) < 3 && r.events > 1 && slices.Contains(r.faults, Reordering) {
		p.window = 2 + r.IntN(min(maxWindow, r.events)-1)
	}
	for range 1 + r.IntN(4) {
		if f, ok := r.fault(p.window); ok {
			p.faults = append(p.faults, f)
		}
	}
	return p
}

func (r *planner) fault(window int) (fault, bool) {
	d := r.deliveries[r.IntN(len(r.deliveries))]
	f := fault{part: d.part, label: d.label, n: 1 + r.IntN(max(1, d.commits))}
	pick := func(kinds ...kind) kind { return kinds[r.IntN(len(kinds))] }
	switch r.faults[r.IntN(len(r.faults))] {
	case Duplicates:
		if d.projection {
			f.kind, f.n = crashBefore, 1
			break
		}
		if f.kind = pick(crashHandled, crashHandled, crashLate); f.kind == crashLate {
			f.n = 1 + r.IntN(3)
		}
	case Crashes:
		f.kind = pick(crashBefore, crashAfter)
	case StoreErrors:
		f.kind = pick(refuse, loseAnswer)
		return f, !d.projection
	case Reordering:
		f.kind, f.wait = pick(delay, slow), r.later()
		return f, window > 1 || r.parts > 1
	case ClockJumps:
		f = fault{kind: jump, part: -1, label: rootOf(d.label), wait: r.jump()}
	}
	return f, true
}

// later returns a time that lets a few other events pass, or all.
func (r *planner) later() time.Duration {
	if r.IntN(4) == 0 {
		return time.Duration(1+r.IntN(30)) * time.Second
	}
	return time.Duration(1+r.IntN(2*maxWindow*r.parts)) * turn
}

// jump returns a time between a second and some years, short ones as likely as long ones.
func (r *planner) jump() time.Duration {
	units := [...]time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour, 365 * 24 * time.Hour}
	return time.Duration(1+r.IntN(3)) * units[r.IntN(len(units))]
}

// describe tells what happened, in a line.
func (f *fault) describe(part string, at string) string {
	switch f.kind {
	case crashHandled:
		return fmt.Sprintf("%s handled %s, crashed before its checkpoint was saved, and got it again", part, at)
	case crashLate:
		return fmt.Sprintf("%s handled %s and up to %s, crashed before its checkpoint was saved, and got them again", part, at, count(f.n, "further event"))
	case crashBefore:
		return fmt.Sprintf("%s crashed at %s, right before commit %d of handling it, and began again", part, at, f.n)
	case crashAfter:
		return fmt.Sprintf("%s crashed at %s, right after commit %d of handling it, and began again", part, at, f.n)
	case refuse:
		return fmt.Sprintf("%s handled %s, and commit %d of its handler failed once", part, at, f.n)
	case loseAnswer:
		return fmt.Sprintf("%s handled %s, and commit %d of its handler happened but returned an error", part, at, f.n)
	case delay:
		return fmt.Sprintf("%s began to handle %s later than events of other keys that came after it", part, at)
	case slow:
		return fmt.Sprintf("%s took longer to handle %s", part, at)
	case jump:
		if f.wait == 0 {
			return fmt.Sprintf("everybody was stopped, and began again, before %s happened", at)
		}
		return fmt.Sprintf("%s passed before %s happened", span(f.wait), at)
	case hold:
		return fmt.Sprintf("%s passed before %s handled %s", span(f.wait), part, at)
	}
	return ""
}

func span(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	text := d.String()
	for _, zero := range [...]string{"0s", "0m"} {
		if t := strings.TrimSuffix(text, zero); t != "" && strings.HasSuffix(t, map[string]string{"0s": "m", "0m": "h"}[zero]) {
			text = t
		}
	}
	return text
}
