package oxbowtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/store"
)

// workerRun is one run of a consumer or a projection.
type workerRun struct {
	worker oxbow.Worker
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // valid once ended is closed
}

func startWorker(ctx context.Context, w oxbow.Worker) *workerRun {
	ctx, cancel := context.WithCancel(ctx)
	r := &workerRun{worker: w, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = w.Run(ctx)
	}()
	return r
}

// stop ends the run, and returns what it returned.
func (r *workerRun) stop() error {
	r.cancel()
	<-r.ended
	return r.err
}

var errPatience = errors.New("not done after " + patience.String() +
	"; run the test within synctest.Test, where waiting takes no time, or make the retries fewer or quicker")

// settle returns when everything in the store is handled, also what was appended meanwhile, or with what ended the run before.
func (r *workerRun) settle(t testing.TB, st *store.Store) error {
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errPatience)
	defer cancel()
	waiting, end := context.WithCancel(ctx)
	defer end()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-r.ended:
			end()
		case <-waiting.Done():
		}
	}()
	err := r.follow(waiting, st)
	end()
	<-stopped
	select {
	case <-r.ended:
		if r.err != nil {
			return r.err
		}
	default:
	}
	if err != nil && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	return err
}

func (r *workerRun) follow(ctx context.Context, st *store.Store) error {
	for {
		head, err := st.Head(ctx)
		if err != nil {
			return err
		}
		if err := r.worker.WaitFor(ctx, head); err != nil {
			return err
		}
		if after, err := st.Head(ctx); err != nil || after == head {
			return err
		}
	}
}

// itemValue returns bytes as they are, and anything else as JSON.
func itemValue(value any) ([]byte, error) {
	if raw, ok := value.([]byte); ok {
		return raw, nil
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode a %T: %w", value, err)
	}
	return encoded, nil
}
