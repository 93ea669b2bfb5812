package telemetry

import (
	"sync"

	"github.com/oxbow-events/oxbow/event"
	"go.opentelemetry.io/otel/trace"
)

// attempts remembers the spans of attempts that failed, until it is told what becomes of them: a consumer tells it after the attempt
// has ended, with another context.
type attempts struct {
	mu     sync.Mutex
	failed map[tried]trace.SpanContext
}

// tried is what a consumer tries, at any time at most once.
type tried struct {
	consumer string
	id       event.ID
}

// maxAttempts bounds what is remembered. A consumer tells of an attempt at once, or never if it is stopped.
const maxAttempts = 1000

// note remembers the attempt if it failed, and forgets the one before.
func (a *attempts) note(at tried, span trace.SpanContext, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.failed, at)
	if err == nil || !span.IsValid() {
		return
	}
	if a.failed == nil {
		a.failed = map[tried]trace.SpanContext{}
	}
	for oldest := range a.failed {
		if len(a.failed) < maxAttempts {
			break
		}
		delete(a.failed, oldest) // any one: what is left over belongs to consumers that were stopped
	}
	a.failed[at] = span
}

// take returns the attempt's span, which is not valid when it is not known, and forgets it.
func (a *attempts) take(at tried) trace.SpanContext {
	a.mu.Lock()
	defer a.mu.Unlock()
	span := a.failed[at]
	delete(a.failed, at)
	return span
}
