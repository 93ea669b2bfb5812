package server

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/store"
)

// follower is one open event stream. It works in the goroutine of its request.
type follower struct {
	store     *store.Store
	query     store.Query // After: everything up to there has been sent
	heartbeat time.Duration
	out       *bufio.Writer
	flush     func() error
	spoke     time.Time // when it last sent anything
	message   []byte    // space for one
}

const (
	retryHint   = 2 * time.Second // that a caller should wait before it resumes
	followBatch = 256             // events of one read: no snapshot is held for longer
)

// beginFollow sends the first id, so that a caller that is cut off before the first event resumes from here.
func beginFollow(w http.ResponseWriter, cfg Config, q store.Query) (*follower, error) {
	pace := &pacedWriter{w: w, control: http.NewResponseController(w), timeout: cfg.StreamTimeout}
	if err := pace.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, err
	}
	q.Limit = followBatch
	f := &follower{store: cfg.Store, query: q, heartbeat: cfg.Heartbeat, out: bufio.NewWriterSize(pace, paceBytes)}
	f.flush = func() error { return errors.Join(f.out.Flush(), pace.flush()) }

	f.message = append(f.message, "retry: "...)
	f.message = strconv.AppendInt(f.message, retryHint.Milliseconds(), 10)
	f.message = append(f.message, '\n')
	return f, f.beat()
}

// step waits for events and sends them, or sends a heartbeat when there has been none for long.
func (f *follower) step(ctx context.Context) error {
	due, cancel := context.WithDeadline(ctx, f.spoke.Add(f.heartbeat))
	defer cancel()
	head, err := f.store.Wait(due, f.query.After)
	if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return f.beat()
	}
	if err != nil {
		return err
	}
	if err := f.send(ctx, head); err != nil {
		return err
	}
	if time.Since(f.spoke) >= f.heartbeat {
		return f.beat() // what arrives all the time does not match
	}
	return nil
}

// send sends a batch of the events up to head.
func (f *follower) send(ctx context.Context, head store.Position) error {
	q := f.query
	q.Before = head + 1
	n := 0
	for r, err := range f.store.Read(ctx, q) {
		if err != nil {
			return err
		}
		if err := f.sendEvent(&r); err != nil {
			return err
		}
		f.query.After = r.Position
		n++
	}
	if n < followBatch {
		f.query.After = head // the rest does not match
	}
	if n == 0 {
		return nil
	}
	f.spoke = time.Now()
	return f.flush()
}

func (f *follower) sendEvent(r *event.Record) (err error) {
	f.appendID(r.Position)
	f.message = append(f.message, "data: "...)
	if f.message, err = cloudevents.AppendLine(f.message, r); err != nil {
		return err
	}
	f.message = append(f.message, "\n\n"...)
	return f.sendMessage()
}

// beat sends a message without data. No listener hears it; the caller remembers its id, which spares a filtered follower what it
// has passed already.
func (f *follower) beat() error {
	f.appendID(f.query.After)
	f.message = append(f.message, ":\n\n"...)
	f.spoke = time.Now()
	return errors.Join(f.sendMessage(), f.flush())
}

func (f *follower) appendID(p store.Position) {
	f.message = append(f.message, "id: "...)
	f.message = strconv.AppendUint(f.message, uint64(p), 10)
	f.message = append(f.message, '\n')
}

func (f *follower) sendMessage() error {
	_, err := f.out.Write(f.message)
	f.message = f.message[:0]
	if cap(f.message) > paceBytes {
		f.message = nil // one large event must not hold its space for as long as the stream is open
	}
	return err
}
