package bus

import (
	"reflect"
	"runtime/debug"

	"github.com/oxbow-events/oxbow/event"
)

// Where limits the subscription to events that the predicate wants. T is the subscription's type, any for [Bus.SubscribeTopic]; so
// SubscribeTopic("**", fn, Where(predicate)) subscribes by predicate alone. Given several times, all must want the event.
//
// The publisher asks, before the event is delivered or queued; the predicate should be quick and must be ready for calls at the same
// time. When it panics, or the data cannot be converted for it, the publisher gets a [*HandlerError], and it counts as Failed. What it does not want
// is not counted.
func Where[T any](wants func(event.Event[T]) bool) Option {
	return func(s *settings) {
		s.where = append(s.where, filter{goType: reflect.TypeFor[T](), missing: wants == nil, on: func(b *Bus) predicate {
			return func(p parcel) (bool, error) { return ask(b, p, wants) }
		}})
	}
}

// predicate says whether a subscription wants an event.
type predicate func(parcel) (bool, error)

// filter is a predicate that does not know its bus yet.
type filter struct {
	goType  reflect.Type // of the data that it takes
	missing bool
	on      func(*Bus) predicate
}

func ask[T any](b *Bus, p parcel, wants func(event.Event[T]) bool) (bool, error) {
	if typed, ok := p.(*envelope[T]); ok {
		return wants(typed.Event), nil
	}
	e, err := unpack[T](b, p)
	if err != nil {
		return false, err
	}
	return wants(e), nil
}

// predicates returns those of a subscription to t.
func (b *Bus) predicates(filters []filter, t reflect.Type) (all []predicate, err error) {
	for _, f := range filters {
		switch {
		case f.missing:
			return nil, event.Invalid("where", "the predicate is nil")
		case f.goType != t:
			return nil, event.Invalid("where", "the predicate takes events of %v, and the subscription is one of %v; use Where[%v]", f.goType, t, t)
		}
		all = append(all, f.on(b))
	}
	return all, nil
}

// wants asks whether p is for this subscription after all, and takes it if it wants one only. The caller has begun s.active.
func (s *Subscription) wants(p parcel) (bool, error) {
	if s.cancelled.Load() {
		return false, nil
	}
	wanted, err := s.judge(p)
	if err != nil {
		s.failed.Add(1)
		return false, s.failure(p, err)
	}
	return wanted && (!s.once || s.taken.CompareAndSwap(false, true)), nil
}

// judge asks the predicates.
func (s *Subscription) judge(p parcel) (wanted bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			wanted, err = false, &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	for _, wants := range s.where {
		if wanted, err := wants(p); err != nil || !wanted {
			return false, err
		}
	}
	return true, nil
}
