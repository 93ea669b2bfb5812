package backend

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

const (
	silenceLimit     = time.Minute // a server sends heartbeats several times in this time
	reconnectDelay   = 250 * time.Millisecond
	reconnectLongest = 10 * time.Second
)

// Follow yields what matches, oldest first, then goes on as events arrive, until ctx ends or the server refuses. The first
// connection must succeed; one that breaks later is made again for as long as ctx lasts.
func (r *Remote) Follow(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		f := follower{remote: r, query: q, yield: yield}
		for attempt := 1; ; attempt++ {
			err := f.connect(ctx)
			if f.ended {
				return
			}
			if f.heard {
				attempt = 1
			}
			if !f.connected || ctx.Err() != nil || !passing(err) {
				yield(event.Record{}, err)
				return
			}
			if attempt == 1 {
				r.notice(fmt.Sprintf("connection lost (%v); trying again", err))
			}
			if err := backoff.Sleep(ctx, backoff.Delay(attempt, reconnectDelay, reconnectLongest)); err != nil {
				yield(event.Record{}, err)
				return
			}
		}
	}
}

// follower is one Follow under way.
type follower struct {
	remote    *Remote
	query     store.Query // After: everything up to there was yielded or does not match
	yield     func(event.Record, error) bool
	connected bool // at least once
	heard     bool // something, on the last connection
	ended     bool // by whoever listens
}

// connect follows on one connection until it breaks, and says why.
func (f *follower) connect(ctx context.Context) error {
	f.heard = false
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	watchdog := time.AfterFunc(silenceLimit, func() { hangUp(errSilent) })
	defer watchdog.Stop()
	resp, err := f.request(ctx)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	f.connected = true
	for message, err := range messages(resp.Body, func() { watchdog.Reset(silenceLimit) }) {
		if err != nil {
			return f.broken(ctx, err)
		}
		f.heard = true
		if err := f.take(message); err != nil || f.ended {
			return err
		}
	}
	return f.broken(ctx, errors.New("the server ended it"))
}

var errSilent = fmt.Errorf("nothing was heard for %v", silenceLimit)

// broken says why a connection ended: because of the caller, or of the network.
func (f *follower) broken(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if cause != nil && !errors.Is(cause, errSilent) {
		return ctx.Err()
	}
	if cause != nil {
		err = cause
	}
	return fmt.Errorf("%w at %s: %v", ErrUnreachable, origin(f.remote.base), err)
}

func (f *follower) request(ctx context.Context) (*http.Response, error) {
	query, err := eventParameters(&f.query)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.remote.url("v1/events/stream", query), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	return send(f.remote.client, req)
}

// take yields a message's event and remembers how far the server has come.
func (f *follower) take(m message) error {
	if len(m.data) > 0 {
		record, err := cloudevents.Unmarshal(m.data)
		if err != nil {
			return fmt.Errorf("%s sent an event that is none: %v", f.remote.base.Host, err)
		}
		if record.Position <= f.query.After {
			return fmt.Errorf("%s sent an event at position %d again", f.remote.base.Host, record.Position)
		}
		f.ended = !f.yield(record, nil)
		f.query.After = record.Position
	}
	position, err := strconv.ParseUint(m.id, 10, 64)
	if err == nil {
		f.query.After = max(f.query.After, store.Position(position))
	}
	return nil
}
