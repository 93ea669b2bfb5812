package httpevent_test

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
)

// wrap returns the handler in a middleware.
func wrap(t testing.TB, pub httpevent.Publisher, cfg httpevent.Config, h http.Handler) http.Handler {
	t.Helper()
	with, err := httpevent.New(pub, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return with(h)
}

// recorder is a Publisher that keeps what it gets. A channel tells of each.
type recorder struct {
	mu       sync.Mutex
	events   []event.Event[any]
	contexts []context.Context
	came     chan struct{}
}

func newRecorder() *recorder { return &recorder{came: make(chan struct{}, 1000)} }

func (rec *recorder) Publish(ctx context.Context, data any, opts ...event.Option) error {
	e, err := event.New(ctx, data, opts...)
	if err != nil {
		return err
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.events, rec.contexts = append(rec.events, e), append(rec.contexts, ctx)
	rec.came <- struct{}{}
	return nil
}

// wait returns the events when there are n.
func (rec *recorder) wait(t *testing.T, n int) []event.Event[any] {
	t.Helper()
	for range n {
		select {
		case <-rec.came:
		case <-t.Context().Done():
			t.Fatal("the events did not come")
		}
	}
	return rec.all()
}

func (rec *recorder) all() []event.Event[any] {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.events
}

// request returns the only request event.
func (rec *recorder) request(t *testing.T) event.Event[httpevent.Request] {
	t.Helper()
	var found []event.Event[httpevent.Request]
	for _, e := range rec.all() {
		if typed, ok := event.As[httpevent.Request](e); ok {
			found = append(found, typed)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d request events in %v, want 1", len(found), rec.all())
	}
	return found[0]
}

// failure returns the only error event; ok is false when there is none.
func (rec *recorder) failure(t *testing.T) (e event.Event[httpevent.Error], ok bool) {
	t.Helper()
	for _, untyped := range rec.all() {
		typed, is := event.As[httpevent.Error](untyped)
		if is && ok {
			t.Fatalf("several error events in %v", rec.all())
		}
		if is {
			e, ok = typed, true
		}
	}
	return e, ok
}
