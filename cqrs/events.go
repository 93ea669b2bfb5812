package cqrs

import (
	"context"
	"fmt"
	"reflect"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Events are what a command led to, in order: whatever [event.New] takes, and what [Event] returns. They are appended in one commit.
// A handler that returns them has the result [None].
type Events []any

// Outcome is what a command led to when that is more than events.
type Outcome[R any] struct {
	Result     R
	Events     Events
	Conditions []store.Condition // must hold when the events are appended; otherwise the handler is called again
	Items      []store.ItemWrite // written in the same commit
}

// None is the result of a command that has none.
type None struct{}

// Event returns data with options, such as the stream that it goes to: an element of Events.
func Event(data any, opts ...event.Option) any { return withOptions{data, opts} }

type withOptions struct {
	data any
	opts []event.Option
}

// lasting is what handlers return to have something written.
type lasting interface {
	parts() parts
	resultType() reflect.Type
}

type parts struct {
	result     any
	events     Events
	conditions []store.Condition
	items      []store.ItemWrite
}

func (e Events) parts() parts             { return parts{result: None{}, events: e} }
func (e Events) resultType() reflect.Type { return reflect.TypeFor[None]() }

func (o Outcome[R]) parts() parts             { return parts{o.Result, o.Events, o.Conditions, o.Items} }
func (o Outcome[R]) resultType() reflect.Type { return reflect.TypeFor[R]() }

// records makes the events ready to be written. The context says what caused them.
func (b *CommandBus) records(ctx context.Context, events Events) ([]event.Record, error) {
	records := make([]event.Record, len(events))
	for i, data := range events {
		var opts []event.Option
		if w, ok := data.(withOptions); ok {
			data, opts = w.data, w.opts
		}
		e, err := event.New(ctx, data, opts...)
		if err != nil {
			return nil, fmt.Errorf("events[%d]: %w", i, err)
		}
		if e.Source == "" {
			e.Source = b.cfg.Source
		}
		if records[i], err = b.store.Registry().Encode(e); err != nil {
			return nil, fmt.Errorf("events[%d]: %w", i, err)
		}
	}
	return records, nil
}
