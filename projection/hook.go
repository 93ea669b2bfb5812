package projection

import (
	"context"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// tryApply is apply, and tells the hook. An event whose batch fails later on is applied again, and the hook told again.
func (p *Projection[D]) tryApply(ctx context.Context, docs *Docs[D], r event.Record, attempt int) error {
	ctx = event.WithCause(ctx, r.Cause())
	if p.cfg.Hook == nil {
		return p.apply(ctx, docs, r)
	}
	return p.tellHandle(ctx, docs, r, attempt)
}

func (p *Projection[D]) tellHandle(ctx context.Context, docs *Docs[D], r event.Record, attempt int) error {
	ctx, done := p.cfg.Hook.Handle(ctx, p.label(), &r, attempt)
	err := p.apply(ctx, docs, r)
	if done != nil {
		done(err)
	}
	return err
}

func (p *Projection[D]) tellRetry(ctx context.Context, r event.Record, attempt int, after time.Duration, err error) {
	if p.cfg.Hook != nil {
		p.cfg.Hook.Retry(event.WithCause(ctx, r.Cause()), p.label(), &r, attempt, after, err)
	}
}

func (p *Projection[D]) tellDeadLetter(ctx context.Context, r event.Record, attempts int, err error) {
	if p.cfg.Hook != nil {
		p.cfg.Hook.DeadLetter(event.WithCause(ctx, r.Cause()), p.label(), &r, attempts, err)
	}
}

// label is what hooks and errors call the projection, apart from consumers of the same name.
func (p *Projection[D]) label() string { return "projection " + p.name }
