package oxbowtest

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Settle returns when everything published so far, and everything that was published because of it, has been handled, as
// [oxbow.App.Settle] does. When ctx ends before, the error is an [*UnsettledError] that says who is not done, up to where, and
// which record is next.
func Settle(ctx context.Context, app *oxbow.App) error { return settle(ctx, app, nil) }

func settle(ctx context.Context, app *oxbow.App, watch *watch) error {
	before, err := app.Store().Head(ctx)
	if err == nil {
		err = app.Settle(ctx)
	}
	if err == nil || ctx.Err() == nil {
		return err
	}
	e := &UnsettledError{Err: context.Cause(ctx)}
	if reason := e.look(app, before, watch); reason != nil {
		return fmt.Errorf("%w (and nobody could be asked why: %v)", err, reason)
	}
	return e
}

// UnsettledError says who has not handled everything.
type UnsettledError struct {
	Behind []Behind       // consumers and projections, and subscriptions with a queue
	Came   store.Position // records that were stored while Settle waited
	Newest *event.Record  // of these; nil when there are none
	Err    error          // why Settle no longer waited
}

// Behind is somebody who has not handled everything.
type Behind struct {
	Who      string         // "consumer billing", "projection totals", "subscription shop.(*Mailer).OnOrderPlaced"
	Position store.Position // everything up to here is done; 0 for a subscription
	Head     store.Position // of the store
	Next     *event.Record  // the first record in the store after Position, or the one that is being handled, if that is known
	Doing    string         // what is known beyond: "attempt 3 failed: connection refused; the next is in 400ms"
}

func (b *Behind) String() string {
	line := b.Who
	if b.Head > 0 {
		line += fmt.Sprintf(" has done everything up to position %d of %d", b.Position, b.Head)
	}
	if b.Next != nil {
		line += fmt.Sprintf("; next is %s (position %d, stream %q, id %v)", b.Next.Type, b.Next.Position, b.Next.Stream, b.Next.ID)
	}
	if b.Doing != "" {
		line += ": " + b.Doing
	}
	return line
}

func (e *UnsettledError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "not settled: %v", e.Err)
	idle := true
	for i := range e.Behind {
		fmt.Fprintf(&b, "\n  %v", &e.Behind[i])
		idle = idle && e.Behind[i].Position == 0 && e.Behind[i].Doing == ""
	}
	if idle && len(e.Behind) > 0 {
		b.WriteString("\n  nobody has done anything: does the app's Run run?")
	}
	if e.Newest != nil {
		fmt.Fprintf(&b, "\n  %d records were stored meanwhile, at last %s (position %d, stream %q): does a handler publish what it handles?",
			e.Came, e.Newest.Type, e.Newest.Position, e.Newest.Stream)
	}
	return b.String()
}

// Unwrap returns why Settle no longer waited, such as context.DeadlineExceeded.
func (e *UnsettledError) Unwrap() error { return e.Err }

// look finds out who is behind.
func (e *UnsettledError) look(app *oxbow.App, before store.Position, watch *watch) error {
	ctx, st := context.Background(), app.Store()
	head, err := st.Head(ctx)
	if err != nil {
		return err
	}
	if e.Came = head - before; e.Came > 0 {
		if e.Newest, err = recordAfter(ctx, st, head-1); err != nil {
			return err
		}
	}
	for _, w := range app.Workers() {
		done := reached(w, head)
		if done == head {
			continue
		}
		b := Behind{Who: kindOf(w) + " " + w.Name(), Position: done, Head: head}
		if b.Next, err = recordAfter(ctx, st, done); err != nil {
			return err
		}
		watch.tell(w.Name(), &b)
		e.Behind = append(e.Behind, b)
	}
	e.lookAtQueues(app)
	return nil
}

func (e *UnsettledError) lookAtQueues(app *oxbow.App) {
	for _, s := range app.Bus().Subscriptions() {
		if s.Mode != "queued" || s.Stats.Depth+s.Stats.Running == 0 {
			continue
		}
		doing := fmt.Sprintf("%d waiting in its queue, %d being handled", s.Stats.Depth, s.Stats.Running)
		if s.Stats.Paused {
			doing += ", and it is paused"
		}
		e.Behind = append(e.Behind, Behind{Who: "subscription " + s.Name, Doing: doing})
	}
}

func kindOf(w oxbow.Worker) string {
	if _, ok := w.(*consumer.Consumer); ok {
		return "consumer"
	}
	return "projection"
}

// reached returns up to where a worker has done everything, at most head.
func reached(w oxbow.Worker, head store.Position) store.Position {
	return store.Position(sort.Search(int(head), func(p int) bool { return w.WaitFor(gone(), store.Position(p+1)) != nil }))
}

func recordAfter(ctx context.Context, st *store.Store, after store.Position) (*event.Record, error) {
	for r, err := range st.Read(ctx, store.Query{After: after, Limit: 1}) {
		return &r, err
	}
	return nil, nil
}
