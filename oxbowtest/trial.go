package oxbowtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// trial is one run of the program over a history, as a plan has it.
type trial struct {
	sim      *Simulation
	plan     plan
	memory   *memory.Memory
	registry *event.Registry
	labels   *labels
	parts    []*partRun
	effects  func() any

	mu      sync.Mutex
	used    map[int]bool   // faults that happened, by index
	items   map[itemID]int // what parts wrote, and which one did last
	writers map[event.ID]int
	stepped time.Time // when the last step began
	begun   int       // processes
}

type itemID struct{ bucket, key string }

// outcome is what a trial led to.
type outcome struct {
	effects    effects
	steps      []effects // after each step, if they were asked for
	deliveries []delivery
	labels     *labels
	names      []string // of the parts
	kinds      []string
	failure    string // of a part that ended, or why there is no end
	failed     int    // that part's index
	err        error  // the simulation itself makes no sense
}

// delivery is an event that a part handles.
type delivery struct {
	part       int
	label      string
	commits    int
	projection bool
}

// pace is the time from one step to the next. What goes wrong in a step is over before the next one, so that the clock is the same
// in all runs, unless it is to jump.
const pace = 10 * time.Second

// run runs a trial in a bubble.
func (l *lab) run(history []event.Record, p plan, withSteps bool) (out outcome) {
	synctest.Test(l.t, func(t *testing.T) {
		tr := newTrial(l.sim, history, p)
		out = tr.run(t.Context(), history, withSteps)
	})
	return out
}

func newTrial(sim *Simulation, history []event.Record, p plan) *trial {
	t := &trial{
		sim: sim, plan: p, memory: memory.New(), registry: sim.Registry, labels: newLabels(history),
		used: map[int]bool{}, items: map[itemID]int{}, writers: map[event.ID]int{},
	}
	if t.registry == nil {
		t.registry = &event.Registry{}
	}
	world := sim.World()
	t.effects = world.Effects
	for i, part := range world.Parts {
		t.parts = append(t.parts, &partRun{
			Part: part, trial: t, index: i, commits: map[string]int{}, inward: map[string]int{},
			seen: map[string]bool{}, givenUp: map[string]string{},
		})
	}
	return t
}

func (t *trial) run(ctx context.Context, history []event.Record, withSteps bool) (out outcome) {
	defer t.memory.Close()
	if len(t.parts) == 0 {
		return outcome{err: event.Invalid("World", "has no parts; make them with ConsumerPart and ProjectionPart")}
	}
	t.up(ctx)
	failure := t.steps(ctx, history, withSteps, &out)
	out.effects = t.snapshot()
	t.down()
	t.report(&out, failure)
	return out
}

// up begins to run the parts that are down.
func (t *trial) up(ctx context.Context) {
	for _, p := range t.parts {
		if p.stop == nil {
			p.up(ctx)
		}
	}
}

// down stops all parts.
func (t *trial) down() {
	for _, p := range t.parts {
		p.down()
	}
}

// steps lets the events happen, as many at a time as the plan says.
func (t *trial) steps(ctx context.Context, history []event.Record, withSteps bool, out *outcome) error {
	if err := t.settle(ctx, nil); err != nil {
		return err
	}
	began := time.Now()
	for from := 0; from < len(history); from += t.plan.window {
		time.Sleep(pace - time.Since(began)%pace)
		to := min(len(history), from+t.plan.window)
		t.pass(ctx, from, to)
		if err := t.happen(ctx, history, from, to, out); err != nil || out.err != nil {
			return err
		}
		if withSteps {
			out.steps = append(out.steps, t.snapshot())
		}
	}
	return nil
}

// live is how long a clock jump may be that parts live to see. During a longer one they are down, since they look around every second.
const live = time.Minute

// pass lets the time pass that the plan has before the events between.
func (t *trial) pass(ctx context.Context, from, to int) {
	for i := from; i < to; i++ {
		f, ok := t.due(jump, -1, labelOf(i), 0)
		switch {
		case !ok:
		case f.wait > 0 && f.wait <= live:
			time.Sleep(f.wait)
		default:
			t.down()
			time.Sleep(f.wait)
			t.up(ctx)
		}
	}
}

// happen stores events, and returns when all that follows from them is done.
func (t *trial) happen(ctx context.Context, history []event.Record, from, to int, out *outcome) error {
	held, hold := t.held(from, to)
	if held != nil {
		held.down()
	}
	t.labels.happen(from, to)
	step := make([]event.Record, 0, to-from)
	for _, r := range history[from:to] {
		r.Place = event.Place{Stream: r.Stream}
		step = append(step, r)
	}
	t.step()
	if _, err := t.memory.Append(ctx, store.Commit{Events: step}); err != nil {
		out.err = fmt.Errorf("the history cannot be stored: %w", err)
		return nil
	}
	if held != nil {
		if err := t.settle(ctx, held); err != nil {
			return err
		}
		t.down()
		time.Sleep(hold.wait)
		t.up(ctx)
	}
	return t.settle(ctx, nil)
}

// held returns the part that is to handle the events between later than all others, if there is one.
func (t *trial) held(from, to int) (*partRun, *fault) {
	for i := from; i < to; i++ {
		for _, p := range t.parts {
			if f, ok := t.due(hold, p.index, labelOf(i), 0); ok {
				return p, f
			}
		}
	}
	return nil, nil
}

func (t *trial) step() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stepped = time.Now().Truncate(turn)
}

// forever is how long a trial waits for its parts, by the bubble's clock.
const forever = 30 * 24 * time.Hour

var errForever = errors.New("it was not done after 30 days")

// settle returns when nobody has anything left to do, except for one who is down, or with what keeps it from ending.
func (t *trial) settle(ctx context.Context, except *partRun) error {
	began := time.Now()
	for wait := time.Millisecond; ; wait = min(2*wait, 24*time.Hour) {
		synctest.Wait()
		for _, p := range t.parts {
			if p.failure != nil {
				return p.failure
			}
		}
		head, err := t.memory.Head(ctx)
		if err != nil {
			return err
		}
		if t.idle(head, except) {
			return nil
		}
		if time.Since(began) > forever {
			return errForever
		}
		time.Sleep(wait)
	}
}

func (t *trial) idle(head store.Position, except *partRun) bool {
	for _, p := range t.parts {
		if p != except && !p.idle(head) {
			return false
		}
	}
	return true
}

// turn is how far the instants are apart at which a process handles the events of one step. Within it, each process has a microsecond
// of its own.
const turn = time.Millisecond

// turnOf is when a process is to handle an event. Each has an instant of its own, so that within a step it does not depend on chance who
// comes first. What is tried again waits for the next second, since the wait before it is random.
func (t *trial) turnOf(p *process, label string, attempt int) time.Time {
	t.mu.Lock()
	base := t.stepped
	t.mu.Unlock()
	if p.since.After(base) {
		base = p.since.Truncate(turn).Add(turn)
	}
	if attempt > 1 {
		base = time.Now().Truncate(time.Second).Add(time.Second)
	}
	place := t.labels.ordinal(label)*len(t.parts) + p.part.index
	return base.Add(time.Duration(place)*turn + time.Duration(p.number%int(turn/time.Microsecond/2))*time.Microsecond)
}

// processes counts one more.
func (t *trial) processes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun++
	return t.begun
}

// due returns the fault that is planned and has not happened yet, as happening now. n counts where that matters.
func (t *trial) due(k kind, part int, label string, n int) (*fault, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.plan.faults {
		f := &t.plan.faults[i]
		if f.kind == k && f.part == part && f.label == label && !t.used[i] && (n == 0 || n == f.n) {
			t.used[i] = true
			return f, true
		}
	}
	return nil, false
}

// wrote notes who wrote what.
func (t *trial) wrote(part int, c *store.Commit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range c.Events {
		t.writers[c.Events[i].ID] = part
	}
	for i := range c.Items {
		if isEffect(c.Items[i].Bucket) {
			t.items[itemID{c.Items[i].Bucket, c.Items[i].Key}] = part
		}
	}
}

// report tells what happened, once all is over.
func (t *trial) report(out *outcome, failure error) {
	out.labels = t.labels
	for i, p := range t.parts {
		out.names = append(out.names, p.name)
		out.kinds = append(out.kinds, p.kind)
		if p.failure != nil && out.failure == "" {
			out.failure, out.failed = p.failure.Error(), i
		}
		for _, label := range p.order {
			out.deliveries = append(out.deliveries, delivery{i, label, p.commits[label], p.kind == "projection"})
		}
	}
	if failure != nil && out.failure == "" {
		out.failure, out.failed = failure.Error(), t.unfinished()
	}
}

// unfinished returns the first part that is not done.
func (t *trial) unfinished() int {
	for i, p := range t.parts {
		if p.calls > 0 || p.withheld != nil {
			return i
		}
	}
	return 0
}
