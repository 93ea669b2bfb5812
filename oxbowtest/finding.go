package oxbowtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// Finding is what a [Simulation] has found: a handler that does not do the same whatever goes wrong.
type Finding struct {
	Part   string       // whose handler it is: "consumer billing", "projection totals"
	Event  event.Record // at which event; its position is that in the history, and 0 when a handler appended it
	What   string       // in a few words: "is not idempotent at event order.placed (…)"
	Story  []string     // what went wrong, the fewest faults that show it
	Diff   string       // of the effects right after that event: - calm, + with the faults
	Seed   uint64       // 0 when every run shows it
	Rarely bool         // the same faults do not always show it

	test string
	hint string
}

func (f *Finding) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", f.Part, f.What)
	if len(f.Story) > 0 {
		fmt.Fprintf(&b, "\nwhat happened:\n%s\n", joinLines(indented(f.Story, "  ")))
	}
	fmt.Fprintf(&b, "\nits effects (- calm run, + this run):\n%s\n", joinLines(indented(strings.Split(f.Diff, "\n"), "  ")))
	if f.hint != "" {
		fmt.Fprintf(&b, "\n%s\n", f.hint)
	}
	if f.Rarely {
		b.WriteString("\nIt does not happen each time: something beside the faults is left to chance, such as goroutines of the handler's own.\n")
	}
	if f.Seed > 0 {
		fmt.Fprintf(&b, "\nAgain: %s=%d go test -run '^%s$', or Simulation.Seed: %d\n", SeedVariable, f.Seed, strings.ReplaceAll(f.test, "/", "$/^"), f.Seed)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// find returns what is wrong, given a plan that shows it.
func (l *lab) find(s *subject, p plan, seed uint64) error {
	rarely := !l.differs(s, p)
	if !rarely {
		s, p = l.shrink(s, p)
	}
	calm, out := l.run(s.history, plan{window: p.window}, true), l.run(s.history, p, true)
	if len(p.faults) == 1 && p.faults[0].kind == jump {
		p, out = l.aimed(s, p, calm, out)
	}
	f := l.finding(p, calm, out)
	f.Seed, f.Rarely, f.test = seed, rarely, l.t.Name()
	return f
}

// chance returns what is wrong when two calm runs differ.
func (l *lab) chance(s *subject) error {
	calm, out := l.run(s.history, plan{window: 1}, true), l.run(s.history, plan{window: 1}, true)
	f := l.finding(plan{window: 1}, calm, out)
	f.test = l.t.Name()
	return f
}

// aimed moves a clock jump to the event whose effects it changes, and says whose handler that is, if that can be told.
func (l *lab) aimed(s *subject, p plan, calm, out outcome) (plan, outcome) {
	step, differs := parting(calm, out)
	if !differs || p.window > 1 {
		return p, out
	}
	f := p.faults[0]
	f.label = labelOf(step)
	if q := p.with(f); f.label != p.faults[0].label && l.differs(s, q) {
		p, out = q, l.run(s.history, q, true)
	}
	if len(guilty(calm, out, step)) > 0 {
		return p, out
	}
	for _, d := range calm.deliveries {
		if stepOf(d.label) != step {
			continue
		}
		q := p.with(fault{kind: hold, part: d.part, label: labelOf(step), wait: f.wait})
		held := l.run(s.history, q, true)
		if at, differs := parting(calm, held); differs && at == step {
			return q, held
		}
	}
	return p, out
}

// parting returns the first step after which the effects differ.
func parting(calm, out outcome) (step int, differs bool) {
	for i := range min(len(calm.steps), len(out.steps)) {
		if len(differ(calm.steps[i], out.steps[i])) > 0 {
			return i, true
		}
	}
	return min(len(calm.steps), len(out.steps)) - 1, false
}

// guilty returns who did what differs after a step, as far as it is known.
func guilty(calm, out outcome, step int) (parts []int) {
	a, b := calm.at(step), out.at(step)
	for _, name := range differ(a, b) {
		for _, e := range [...]effects{a, b} {
			if found, ok := e[name]; ok && found.part >= 0 && !slices.Contains(parts, found.part) {
				parts = append(parts, found.part)
			}
		}
	}
	return parts
}

// at returns the effects after a step, or those of the end.
func (o *outcome) at(step int) effects {
	if step < 0 || step >= len(o.steps) {
		return o.effects
	}
	return o.steps[step]
}

func (l *lab) finding(p plan, calm, out outcome) *Finding {
	step, differs := parting(calm, out)
	if !differs {
		step = len(calm.steps) // the end
	}
	part, label := l.culprit(p, calm, out, step)
	f := &Finding{Part: calm.who(part), What: l.what(p, part, label, out), Diff: diffOf(calm.at(step), out.at(step))}
	f.Event, _ = out.labels.record(label)
	if out.failure != "" && out.failure != calm.failure {
		f.Part = calm.who(out.failed)
		f.Diff = "+ " + f.Part + " ended: " + out.failure
	}
	if f.Diff == "" {
		f.Diff = "(the same when it was run again)"
	}
	for _, fault := range p.faults {
		f.Story = append(f.Story, fault.describe(nameOf(calm, fault.part), out.labels.short(fault.label)))
	}
	if p.window > 1 {
		f.Story = append(f.Story, fmt.Sprintf("the events happened %d at a time", p.window))
	}
	f.hint = hintFor(p)
	return f
}

func nameOf(o outcome, part int) string {
	if part < 0 {
		return "everybody"
	}
	if o.names[part] == "" {
		return "the " + o.kinds[part]
	}
	return o.names[part]
}

// culprit returns whose handler it is, and at which event.
func (l *lab) culprit(p plan, calm, out outcome, step int) (part int, label string) {
	parts := guilty(calm, out, step)
	for _, f := range p.faults {
		if f.part >= 0 && (len(parts) == 0 || slices.Contains(parts, f.part)) {
			return f.part, f.label
		}
	}
	part = l.handler(parts, calm, step*p.window)
	for _, d := range calm.deliveries { // the part's last event within the step
		if at := stepOf(d.label) / p.window; d.part == part && at == step {
			label = d.label
		}
	}
	if label == "" && len(p.faults) > 0 {
		label = p.faults[0].label
	}
	return part, label
}

// handler returns the first of the parts, or the first that handles the event with that number in the history.
func (l *lab) handler(parts []int, calm outcome, number int) int {
	if len(parts) > 0 {
		return parts[0]
	}
	for _, d := range calm.deliveries {
		if stepOf(d.label) == number {
			return d.part
		}
	}
	return 0
}

// what says what is wrong.
func (l *lab) what(p plan, part int, label string, out outcome) string {
	at := " at event " + out.labels.place(label)
	worst := kind(0)
	for _, f := range p.faults {
		worst = max(worst, f.kind)
	}
	projection := out.kinds[part] == "projection"
	own := slices.ContainsFunc(p.faults, func(f fault) bool { return f.part == part })
	switch {
	case worst == 0:
		return "does not do the same each time" + at + ": its effects depend on chance"
	case worst == jump && p.faults[0].wait == 0:
		return "does not do the same after a restart" + at
	case worst >= jump:
		return "depends on the clock" + at
	case (worst == delay || worst == slow) && len(out.names) == 1:
		return "depends on the order in which events of different keys are handled" + at
	case worst == delay || worst == slow:
		return "depends on what others do meanwhile, or on the order of events of different keys," + at
	case !own:
		return "depends on what others do meanwhile" + at
	case projection:
		return "does not make the same documents again" + at + ": they depend on more than the documents before it and the event"
	case worst == refuse:
		return "does not do the same after an error of the store" + at
	}
	return "is not idempotent" + at + ": handling it again changes the effects"
}

func hintFor(p plan) string {
	if len(p.faults) == 0 {
		return "Random ids, random numbers, the order of a map: derive ids from the event's (ID.Derive), or leave the path out with Simulation.Ignore."
	}
	return ""
}
