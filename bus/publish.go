package bus

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/event"
)

// Publish makes an event of data, as [event.New] does, and delivers it. It returns the joined errors of the sync handlers and of
// queues that did not take the event. The function [Publish] does the same for less when the data's Go type is known.
func (b *Bus) Publish(ctx context.Context, data any, opts ...event.Option) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(opts) == 0 {
		if r := b.routeFor(data); r != nil {
			return r.publishAny(ctx, b, data)
		}
	}
	e, err := event.New(ctx, data, opts...)
	if err != nil {
		return err
	}
	return b.publish(ctx, &e)
}

// Deliver hands an event that was made elsewhere, such as one just stored, to every subscription that wants it. It returns what
// Publish returns. Since the event has happened, it is delivered even when ctx has ended; only waiting for room in a queue is not begun then.
func (b *Bus) Deliver(ctx context.Context, e event.Event[any]) error {
	if e.Type == "" {
		return event.Invalid("type", "is empty; make the event with event.New, or use Publish")
	}
	if e.ID.IsZero() {
		return event.Invalid("id", "is missing from an event of type %s; make the event with event.New, or use Publish", e.Type)
	}
	return b.publish(ctx, &e)
}

// publish delivers a copy of e, if anybody wants it.
func (b *Bus) publish(ctx context.Context, e *event.Event[any]) error {
	who := b.audience(&e.Metadata, b.subscribersTo(e.Type))
	if len(who.subs) == 0 && b.hook == nil && b.phase.Load() == open && !b.registry.Moved(e.Type) {
		return nil // and nothing was allocated
	}
	env := &envelope[any]{Event: *e}
	return b.deliver(ctx, env, &env.scope, who)
}

// deliver hands p to those it is for. s is to become its scope.
func (b *Bus) deliver(ctx context.Context, p parcel, s *scope, who audience) error {
	if err := b.enter(ctx); err != nil {
		return err
	}
	defer b.active.end()
	if b.hook != nil {
		return b.observePublish(ctx, p, s, who)
	}
	return b.handOut(ctx, p, s, who)
}

// handOut puts p into the queues, and then has the sync handlers handle it.
func (b *Bus) handOut(ctx context.Context, p parcel, s *scope, who audience) error {
	m := p.metadata()
	if err := s.begin(ctx, b, m); err != nil {
		return err
	}
	var errs []error
	if b.registry.Moved(m.Type) {
		who, errs = b.audienceOfLifted(p)
	}
	s.subs = who.subs
	if who.queued {
		errs = enqueue(s, p, errs)
	}
	if errs = call(s, p, errs); len(errs) == 0 {
		return nil
	}
	return errors.Join(errs...)
}

// audienceOfLifted returns who gets an event of a type that upcasters may lift into another one.
func (b *Bus) audienceOfLifted(p parcel) (who audience, errs []error) {
	eventType, err := b.readAs(p)
	if err != nil {
		errs = append(errs, err)
	}
	return b.audience(p.metadata(), b.subscribersTo(eventType)), errs
}

// readAs returns the event type whose subscriptions want the event: its own, unless upcasters lift it into another one.
func (b *Bus) readAs(p parcel) (string, error) {
	eventType := p.metadata().Type
	rec, err := b.registry.Encode(*p.untyped())
	if err == nil {
		rec, err = b.registry.Lift(rec)
	}
	if err != nil {
		return eventType, err
	}
	return rec.Type, nil
}

// enqueue puts p into the queues and rings of those that have one, and adds the errors of those that do not take it.
func enqueue(s *scope, p parcel, errs []error) []error {
	for _, sub := range s.subs {
		if sub.sync() {
			continue
		}
		if err := sub.put(s, p); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// call has those without a queue handle p now, and adds their errors.
func call(s *scope, p parcel, errs []error) []error {
	for _, sub := range s.subs {
		if !sub.sync() {
			continue
		}
		if err := sub.deliver(s, p); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
