package middleware

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// DeduplicateConfig is how much Deduplicate remembers; the zero DeduplicateConfig works.
type DeduplicateConfig struct {
	Size int           // ids remembered for each handler, the newest; default 100,000, which take some 20 MB beside their results
	TTL  time.Duration // how long after it was handled an id is remembered; default until Size others were handled after it
}

// Deduplicate handles each Call.Metadata.ID once: a repetition gets the first call's result and reaches no handler.
//
//   - One whose first call failed, or panicked, is handled again.
//   - One whose first call is still running waits for its outcome, or until its own context ends. A handler that sends its own call
//     again therefore waits for itself.
//   - A call without an id is always handled.
//
// Each handler that it wraps has a memory of its own, so that one event reaches all of its subscriptions. The memory is the
// process's: after a restart, and for what was forgotten, repetitions are handled. Handling what must happen exactly once belongs
// into one commit with its checkpoint. Reading history again on purpose is a repetition too. Callers share a result; they must not
// change it. Deduplicate panics with what Check returns.
func Deduplicate(cfg DeduplicateConfig) Func {
	must(cfg.Check())
	if cfg.Size == 0 {
		cfg.Size = 100_000
	}
	return func(next Handler) Handler {
		m := &memory{cfg: cfg, calls: map[event.ID]*once{}}
		return func(ctx context.Context, c *Call) (result any, err error) {
			if c.Metadata.ID.IsZero() {
				return next(ctx, c)
			}
			o, first, err := m.begin(ctx, c.Metadata.ID)
			if err != nil {
				return nil, err
			}
			if !first {
				return o.result, nil
			}
			handled := false
			defer func() { m.end(o, handled, result) }() // also after a panic
			result, err = next(ctx, c)
			handled = err == nil
			return result, err
		}
	}
}

// Check refuses negative fields, naming the field.
func (cfg DeduplicateConfig) Check() error {
	switch {
	case cfg.Size < 0:
		return event.Invalid("Size", "is negative")
	case cfg.TTL < 0:
		return event.Invalid("TTL", "is negative")
	}
	return nil
}

// memory knows the calls that run and those that were handled. The latter are a list from the oldest to the newest.
type memory struct {
	cfg DeduplicateConfig

	mu             sync.Mutex
	calls          map[event.ID]*once
	oldest, newest *once
	handled        int
}

// once is the first call of an id. When handled is set, it does not change any more.
type once struct {
	id      event.ID
	ended   chan struct{} // closed when the call has ended; nil unless somebody waits for that
	handled bool
	result  any
	at      time.Time // when it was handled; zero when ids have no time to live
	newer   *once
}

// begin returns the call of an id; first is true when it is the caller's to make. Otherwise it was handled.
func (m *memory) begin(ctx context.Context, id event.ID) (o *once, first bool, err error) {
	for {
		o, ended := m.find(id)
		if ended == nil {
			return o, !o.handled, nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return nil, false, fmt.Errorf("wait for the same call %v, which is being handled: %w", id, ctx.Err())
		}
		if o.handled {
			return o, false, nil
		}
	}
}

// find returns the call of an id, a new one if there is none. ended is not nil when somebody else's runs.
func (m *memory) find(id event.ID) (o *once, ended <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire()
	o, known := m.calls[id]
	switch {
	case !known:
		o = &once{id: id}
		m.calls[id] = o
		return o, nil
	case o.handled:
		return o, nil
	case o.ended == nil:
		o.ended = make(chan struct{})
	}
	return o, o.ended
}

func (m *memory) end(o *once, handled bool, result any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o.ended != nil {
		defer close(o.ended)
	}
	if !handled {
		delete(m.calls, o.id)
		return
	}
	o.handled, o.result = true, result
	if m.cfg.TTL > 0 {
		o.at = time.Now()
	}
	m.remember(o)
}

func (m *memory) remember(o *once) {
	if m.newest == nil {
		m.oldest = o
	} else {
		m.newest.newer = o
	}
	m.newest = o
	if m.handled++; m.handled > m.cfg.Size {
		m.forgetOldest()
	}
}

// expire forgets what was remembered long enough.
func (m *memory) expire() {
	if m.cfg.TTL == 0 || m.oldest == nil {
		return
	}
	now := time.Now()
	for m.oldest != nil && now.Sub(m.oldest.at) >= m.cfg.TTL {
		m.forgetOldest()
	}
}

func (m *memory) forgetOldest() {
	o := m.oldest
	delete(m.calls, o.id)
	m.handled--
	if m.oldest = o.newer; m.oldest == nil {
		m.newest = nil
	}
	o.newer = nil // one who waits for it holds nobody else
}
