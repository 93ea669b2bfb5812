package bus

import (
	"slices"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
)

// subscribers are those of one event type.
type subscribers struct {
	eventType string
	list      atomic.Pointer[[]*Subscription] // those to the type, in order of subscription; a reader looks only as far as its length
	plan      atomic.Pointer[plan]            // who gets an event whose topic is its type; nil at first
}

// plan is who gets the events of a type, those found by its name as a topic included. It holds until a subscription comes or goes.
type plan struct {
	audience
	changes atomic.Uint64 // the bus's count of changes for which it was last seen to hold
}

// entry returns the subscribers to an event type, made when they are missing.
func (b *Bus) entry(eventType string) *subscribers {
	if of := b.subscribersTo(eventType); of != nil {
		return of
	}
	of := &subscribers{eventType: eventType}
	of.list.Store(new([]*Subscription))
	known, _ := b.types.LoadOrStore(eventType, of)
	return known.(*subscribers)
}

// subscribersTo returns the subscribers to an event type, or nil.
func (b *Bus) subscribersTo(eventType string) *subscribers {
	if of, ok := b.types.Load(eventType); ok {
		return of.(*subscribers)
	}
	return nil
}

// append adds s. The caller holds the bus's lock.
func (l *subscribers) append(s *Subscription) {
	grown := append(*l.list.Load(), s) // in place where there is room: nobody looks beyond the length that was
	l.list.Store(&grown)
}

// remove takes s out. The caller holds the bus's lock.
func (l *subscribers) remove(s *Subscription) {
	rest := slices.DeleteFunc(slices.Clone(*l.list.Load()), func(other *Subscription) bool { return other == s })
	l.list.Store(&rest)
}

// audience is who gets an event, in order of subscription. The slice may be shared.
type audience struct {
	subs   []*Subscription
	queued bool // some may have a queue or a ring
}

// audience returns who gets an event: the subscriptions to its topic, and those in to, which may be nil.
func (b *Bus) audience(m *event.Metadata, to *subscribers) audience {
	if to == nil || m.Type != to.eventType || m.Topic != "" && m.Topic != m.Type {
		return audience{b.find(m.RoutingKey(), to, nil), true}
	}
	changes := b.changes.Load() // first: what has changed by then is found
	p := to.plan.Load()
	if p == nil || p.changes.Load() != changes {
		p = b.look(to, p, changes)
	}
	return p.audience
}

// look returns a plan that holds: the old one when nothing has changed for it.
func (b *Bus) look(to *subscribers, old *plan, changes uint64) *plan {
	var room [16]*Subscription
	found := b.find(to.eventType, to, room[:0])
	if old != nil && slices.Equal(old.subs, found) {
		old.changes.Store(changes)
		return old
	}
	p := &plan{audience: audience{subs: slices.Clone(found)}}
	p.queued = slices.ContainsFunc(p.subs, func(s *Subscription) bool { return !s.sync() })
	p.changes.Store(changes)
	to.plan.Store(p)
	return p
}

// find looks the subscriptions up. It uses the memory of room, if that is enough.
func (b *Bus) find(topic string, to *subscribers, room []*Subscription) []*Subscription {
	var byType []*Subscription
	if to != nil {
		byType = *to.list.Load()
	}
	if b.patterns.Len() == 0 {
		return byType
	}
	byPattern := b.patterns.AppendMatches(room, topic)
	switch {
	case len(byPattern) == 0:
		return byType
	case len(byType) == 0:
		return byPattern
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
