package bus

import (
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
)

// parcel is an event on its way to subscriptions, whatever the Go type of its data. It is an *envelope. All that a publish
// concerns share it, and so nobody changes it.
type parcel interface {
	metadata() *event.Metadata
	place() event.Place
	untyped() *event.Event[any]
}

// envelope is all that one publish allocates: the event, and the context of the sync handlers that get it.
type envelope[T any] struct {
	event.Event[T]
	scope scope
	boxed atomic.Pointer[event.Event[any]] // for those who want data of any type; made when the first one asks
}

func (e *envelope[T]) metadata() *event.Metadata { return &e.Metadata }

func (e *envelope[T]) place() event.Place { return e.Place }

func (e *envelope[T]) untyped() *event.Event[any] {
	if is, ok := any(&e.Event).(*event.Event[any]); ok {
		return is
	}
	if boxed := e.boxed.Load(); boxed != nil {
		return boxed
	}
	boxed := e.Untyped()
	if e.boxed.CompareAndSwap(nil, &boxed) {
		return &boxed
	}
	return e.boxed.Load() // a queue's worker was faster
}
