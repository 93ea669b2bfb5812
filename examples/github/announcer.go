package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// announcer tells the world about releases. To show how a consumer tries again, it fails on purpose: the first two times that it
// is called with an event.
type announcer struct {
	out io.Writer

	mu       sync.Mutex // events of different repositories are handled at the same time
	attempts map[event.ID]int
}

var errOnPurpose = errors.New("nobody answers (this failure is on purpose)")

// announcements makes the consumer see only what it is for, and be quick about trying again.
var announcements = consumer.Config{
	Filters: []store.Filter{{Types: []string{"github.release"}, Tags: []string{"action:published"}}},
	Retry:   consumer.Retry{First: 20 * time.Millisecond},
}

// announce handles an untyped event: there is no Go struct for releases, so the data is what JSON decodes to.
func (a *announcer) announce(_ context.Context, e event.Event[any]) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.attempts[e.ID]++
	if a.attempts[e.ID] <= 2 {
		return errOnPurpose
	}
	payload, _ := e.Data.(map[string]any)
	release, _ := payload["release"].(map[string]any)
	_, err := fmt.Fprintf(a.out, "announced: %s has released %v (attempt %d)\n", name(e.Stream), release["tag_name"], a.attempts[e.ID])
	return err
}
