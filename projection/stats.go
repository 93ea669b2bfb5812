package projection

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rate"
	"github.com/oxbow-events/oxbow/store"
)

// Stats says how a projection does. What only the process that applies events knows is zero in the others: Rate, Applied, LastError,
// and a rebuild's Rate and Left.
type Stats struct {
	Name       string         `json:"name"`
	Version    int            `json:"version"`    // of the live documents
	Code       int            `json:"code"`       // this program's version
	Active     int            `json:"active"`     // the version whose code works
	Works      bool           `json:"works"`      // this process applies events
	Generation uint64         `json:"generation"` // of the live documents
	Position   store.Position `json:"position"`   // that they stand for
	Head       store.Position `json:"head"`
	Lag        uint64         `json:"lag"`      // positions between; not all of them need be events for this projection
	Behind     time.Duration  `json:"behind"`   // age of the oldest event that is not applied; 0 when all are
	Rate       float64        `json:"rate"`     // events applied in a second, over the last minute
	Applied    uint64         `json:"applied"`  // events since the program began, those of rebuilds too
	Indexes    []string       `json:"indexes"`  // of the live documents
	Previous   int            `json:"previous"` // version of the documents that SwitchBack goes back to; 0: there are none

	LastError *Failure  `json:"last_error,omitempty"`
	Rebuild   *Progress `json:"rebuild,omitempty"` // what is being built
}

// Failure is what a handler returned last.
type Failure struct {
	Error   string       `json:"error"`
	Record  event.Record `json:"record"`
	Attempt int          `json:"attempt"` // that failed
	Time    time.Time    `json:"time"`
}

// Progress says how far a rebuild is.
type Progress struct {
	Generation uint64         `json:"generation"`
	Version    int            `json:"version"`
	Done       store.Position `json:"done"`
	Head       store.Position `json:"head"`
	Begun      time.Time      `json:"begun"`
	Rate       float64        `json:"rate"`              // positions in a second
	Left       time.Duration  `json:"left"`              // estimated; 0 when it is not known
	CaughtUp   bool           `json:"caught_up"`         // it waits for Switch
	Failure    string         `json:"failure,omitempty"` // why it goes no further
}

// Stats returns how the projection does, wherever it runs.
func (p *Projection[D]) Stats(ctx context.Context) (Stats, error) {
	s, err := loadState(ctx, p.store, p.name)
	if err != nil {
		return Stats{}, err
	}
	if s == nil {
		s = p.firstState()
	}
	if s.Live, err = p.current(ctx); err != nil {
		return Stats{}, err
	}
	out := Stats{
		Name: p.name, Version: s.Live.Version, Code: p.cfg.Version, Active: s.Active,
		Generation: s.Live.Number, Position: s.Live.Position, Indexes: s.Live.Indexes,
	}
	if out.Head, err = p.store.Head(ctx); err != nil {
		return Stats{}, err
	}
	if s.Previous != nil {
		out.Previous = s.Previous.Version
	}
	p.meter.fill(&out)
	if err := p.fillLag(ctx, &out); err != nil {
		return Stats{}, err
	}
	if s.Next != nil {
		out.Rebuild = p.meter.progress(s.Next, out.Head)
	}
	return out, nil
}

func (p *Projection[D]) fillLag(ctx context.Context, out *Stats) error {
	if p.cfg.Inline {
		out.Position = out.Head
		return nil
	}
	works, reached, _ := p.reached.look()
	if out.Works = works; works {
		out.Position = reached
	}
	return out.fillBehind(ctx, p.store, p.handlers.filters())
}

func (out *Stats) fillBehind(ctx context.Context, st *store.Store, filters []store.Filter) error {
	if out.Position >= out.Head {
		return nil
	}
	out.Lag = uint64(out.Head - out.Position)
	for r, err := range st.Read(ctx, store.Query{Any: filters, After: out.Position, Limit: 1}) {
		if err != nil {
			return err
		}
		out.Behind = max(0, time.Since(r.Time))
	}
	return nil
}

// meter counts what this process does.
type meter struct {
	mu      sync.Mutex
	minute  rate.Minute
	total   uint64
	last    *Failure
	rebuild pace
	halted  map[uint64]*consumer.HaltError // by generation, why it is not built any further
}

// pace is how quickly a generation is built.
type pace struct {
	number uint64
	begun  time.Time
	from   store.Position
	at     store.Position
}

func (m *meter) applied(events int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total += uint64(events)
	m.minute.Add(time.Now(), uint64(events), 0)
}

func (m *meter) failed(r event.Record, attempt int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = &Failure{Error: err.Error(), Record: r, Attempt: attempt, Time: time.Now().UTC()}
}

// building notes that a generation is about to be built on from a position.
func (m *meter) building(number uint64, from store.Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rebuild.number != number {
		m.rebuild = pace{number: number, begun: time.Now(), from: from, at: from}
	}
}

func (m *meter) built(at store.Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rebuild.at = at
}

// rest notes that this process does not work any more.
func (m *meter) rest() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rebuild = pace{}
}

func (m *meter) gaveUp(number uint64, halt *consumer.HaltError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.halted == nil {
		m.halted = map[uint64]*consumer.HaltError{}
	}
	m.halted[number] = halt
}

// halt returns why a generation is not built any further: the error itself, if it was met in this process.
func (m *meter) halt(number uint64, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if halt, ok := m.halted[number]; ok {
		return halt
	}
	return errors.New(text)
}

func (m *meter) fill(out *Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out.Applied, out.LastError = m.total, m.last
	out.Rate, _ = m.minute.PerSecond(time.Now())
}

func (m *meter) progress(g *generation, head store.Position) *Progress {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := &Progress{
		Generation: g.Number, Version: g.Version, Done: g.Position, Head: head,
		Begun: g.Begun, CaughtUp: g.CaughtUp, Failure: g.Failure,
	}
	if m.rebuild.number != g.Number {
		return out
	}
	out.Done = max(out.Done, m.rebuild.at)
	took := time.Since(m.rebuild.begun).Seconds()
	if moved := out.Done - m.rebuild.from; moved > 0 && took > 0 {
		out.Rate = float64(moved) / took
		out.Left = time.Duration(float64(head-min(head, out.Done)) / out.Rate * float64(time.Second))
	}
	return out
}
