package oxbowtest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// partRun is a part in a trial, across its crashes.
type partRun struct {
	Part
	trial *trial
	index int

	mu       sync.Mutex
	process  *process
	worker   oxbow.Worker // nil while there is none
	calls    int          // handlers that run
	current  string       // the label of the event handled last
	commits  map[string]int
	inward   map[string]int // of these, those of the handler
	seen     map[string]bool
	order    []string // labels, as they were first seen
	givenUp  map[string]string
	withheld *withheld
	crashes  int
	failure  error // what ended it for good

	stop  context.CancelFunc // nil while it is down
	ended chan struct{}
}

// withheld is a checkpoint that is late.
type withheld struct {
	left int
	over chan struct{} // closed when none are left
}

// maxCrashes ends a trial that gets nowhere.
const maxCrashes = 100

// up begins to run the part.
func (p *partRun) up(ctx context.Context) {
	ctx, p.stop = context.WithCancel(ctx)
	p.ended = make(chan struct{})
	go func() {
		defer close(p.ended)
		p.serve(ctx)
	}()
}

// down stops the part as a program is stopped, and returns when it has ended.
func (p *partRun) down() {
	if p.stop == nil {
		return
	}
	p.stop()
	<-p.ended
	p.stop = nil
}

// serve runs the part until ctx ends, beginning again after each crash.
func (p *partRun) serve(ctx context.Context) {
	for ctx.Err() == nil {
		running, crash := context.WithCancel(ctx)
		proc := &process{
			Memory: p.trial.memory, part: p, crash: crash,
			opened: event.NewID(), number: p.trial.processes(), since: time.Now(),
		}
		w, err := p.build(proc, store.New(proc, store.Config{Registry: p.trial.registry}))
		if err == nil {
			p.began(proc, w)
			err = w.Run(running)
		}
		crash()
		if !p.over(ctx, proc, err) {
			return
		}
	}
}

func (p *partRun) began(proc *process, w oxbow.Worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.process, p.worker, p.name = proc, w, w.Name()
}

// over reports whether the part is to begin again after a run.
func (p *partRun) over(ctx context.Context, proc *process, err error) (again bool) {
	crashed := proc.alive() != nil
	p.mu.Lock()
	defer p.mu.Unlock()
	p.worker, p.withheld = nil, nil
	switch {
	case ctx.Err() != nil:
		return false
	case crashed || errors.Is(err, errStore):
		if p.crashes++; p.crashes <= maxCrashes {
			return true
		}
		err = errors.New("it began again too often")
	case err == nil:
		err = errors.New("it returned before it was stopped")
	}
	p.failure = err
	return false
}

// begin notes that an event is about to be handled, and lets time pass as the plan has it.
func (p *partRun) begin(proc *process, label string, attempt int) {
	time.Sleep(time.Until(p.trial.turnOf(proc, label, attempt)))
	p.mu.Lock()
	if !p.seen[label] {
		p.seen[label] = true
		p.order = append(p.order, label)
	}
	p.mu.Unlock()
	p.pause(delay, label)
	p.mu.Lock()
	p.current = label
	p.mu.Unlock()
}

// pause lets time pass, if the plan has it, until an instant at which nobody else does anything.
func (p *partRun) pause(k kind, label string) {
	if f, ok := p.due(k, label); ok {
		time.Sleep(f.wait + turn/2 + time.Duration(p.index)*time.Microsecond)
	}
}

// due returns the fault of a kind that is planned for an event and has not happened yet, as happening now.
func (p *partRun) due(k kind, label string) (*fault, bool) { return p.trial.due(k, p.index, label, 0) }

// committing counts a commit, and returns what is to go wrong with it.
func (p *partRun) committing(call *handling, own bool) kind {
	p.mu.Lock()
	label := p.current
	if call != nil {
		label = call.label
	}
	p.commits[label]++
	n, inward := p.commits[label], 0
	if !own {
		p.inward[label]++
		inward = p.inward[label]
	}
	p.mu.Unlock()
	for _, k := range [...]kind{crashBefore, crashAfter} {
		if _, ok := p.trial.due(k, p.index, label, n); ok {
			return k
		}
	}
	for _, k := range [...]kind{refuse, loseAnswer} {
		if inward == 0 {
			continue
		}
		if _, ok := p.trial.due(k, p.index, label, inward); ok {
			return k
		}
	}
	return 0
}

// succeeded notes that a handler returned nil.
func (p *partRun) succeeded(label string) {
	f, late := p.due(crashLate, label)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.givenUp, label)
	if p.withheld != nil {
		if p.withheld.left--; p.withheld.left == 0 {
			close(p.withheld.over)
		}
	}
	if late && p.withheld == nil {
		p.withheld = &withheld{left: f.n, over: make(chan struct{})}
	}
}

// late holds a checkpoint back when the plan says so, and reports whether the process crashes then.
func (p *partRun) late(ctx context.Context) bool {
	p.mu.Lock()
	w := p.withheld
	p.mu.Unlock()
	if w == nil {
		return false
	}
	select {
	case <-w.over:
	case <-time.After(time.Minute):
	case <-ctx.Done():
	}
	return true
}

func (p *partRun) gaveUp(label string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !errors.Is(err, errStore) {
		p.givenUp[label] = err.Error()
	}
}

// busy notes that a handler runs, until the function that it returns is called.
func (p *partRun) busy() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls--
	}
}

// idle reports whether the part has nothing left to do up to a position.
func (p *partRun) idle(head store.Position) bool {
	p.mu.Lock()
	w, busy, failed := p.worker, p.calls > 0 || p.withheld != nil, p.failure != nil
	alive := p.process != nil && p.process.alive() == nil
	p.mu.Unlock()
	if failed {
		return true
	}
	return w != nil && alive && !busy && w.WaitFor(gone(), head) == nil
}
