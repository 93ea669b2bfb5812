package projection

import (
	"context"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
)

// teller tells a hook, if there is one.
type teller struct {
	hook  consumer.Hook
	label string
}

// handle calls apply, and tells the hook. An event whose batch fails later on is applied again, and the hook told again.
func (t *teller) handle(ctx context.Context, r *event.Record, attempt int, apply func(context.Context) error) error {
	ctx, done := t.hook.Handle(ctx, t.label, r, attempt)
	err := apply(ctx)
	if done != nil {
		done(err)
	}
	return err
}

func (t *teller) retry(ctx context.Context, r *event.Record, attempt int, after time.Duration, err error) {
	if t.hook != nil {
		t.hook.Retry(event.WithCause(ctx, r.Cause()), t.label, r, attempt, after, err)
	}
}

func (t *teller) deadLetter(ctx context.Context, r *event.Record, attempts int, err error) {
	if t.hook != nil {
		t.hook.DeadLetter(event.WithCause(ctx, r.Cause()), t.label, r, attempts, err)
	}
}
