package bus

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/event"
)

// Publish makes an event of data, as [event.New] does, and delivers it. It returns the joined errors of the sync handlers and of
// queues that did not take the event.
func (b *Bus) Publish(ctx context.Context, data any, opts ...event.Option) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e, err := event.New(ctx, data, opts...)
	if err != nil {
		return err
	}
	return b.deliver(ctx, &e)
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
	return b.deliver(ctx, &e)
}

func (b *Bus) deliver(ctx context.Context, made *event.Event[any]) error {
	if err := b.enter(ctx); err != nil {
		return err
	}
	defer b.active.end()
	eventType, err := b.readAs(made)
	subs := b.interested(made, eventType)
	if len(subs) == 0 {
		return err
	}
	e := new(*made) // queues keep it; without subscriptions there is nothing to allocate
	handling := event.WithCause(ctx, e.Cause())
	errs := append(enqueue(handling, subs, e), err)
	return errors.Join(append(errs, call(handling, subs, e)...)...)
}

// readAs returns the event type whose subscriptions want the event: its own, unless upcasters lift it into another one.
func (b *Bus) readAs(e *event.Event[any]) (string, error) {
	if !b.registry.Moved(e.Type) {
		return e.Type, nil
	}
	rec, err := b.registry.Encode(*e)
	if err == nil {
		rec, err = b.registry.Lift(rec)
	}
	if err != nil {
		return e.Type, err
	}
	return rec.Type, nil
}

func enqueue(ctx context.Context, subs []*Subscription, e *event.Event[any]) (errs []error) {
	for _, s := range subs {
		if s.sync() {
			continue
		}
		if err := s.put(ctx, e); err != nil {
			errs = append(errs, s.failure(e, err))
		}
	}
	return errs
}

func call(ctx context.Context, subs []*Subscription, e *event.Event[any]) (errs []error) {
	for _, s := range subs {
		if !s.sync() {
			continue
		}
		if err := s.deliver(ctx, e); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// interested returns the subscriptions to the event type and the event's topic, in order of subscription. The slice may be shared.
func (b *Bus) interested(e *event.Event[any], eventType string) []*Subscription {
	var byType []*Subscription
	if of, ok := (*b.types.Load())[eventType]; ok {
		byType = *of.list.Load()
	}
	if b.patterns.Len() == 0 {
		return byType
	}
	byPattern := b.patterns.AppendMatches(nil, e.RoutingKey())
	if len(byPattern) == 0 {
		return byType
	}
	return merge(byType, byPattern)
}

// merge joins two lists in order of subscription into one.
func merge(a, b []*Subscription) []*Subscription {
	merged := make([]*Subscription, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].number < b[0].number {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}
