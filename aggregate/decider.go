package aggregate

import (
	"fmt"
	"reflect"

	"github.com/oxbow-events/oxbow/event"
)

// Decider is an aggregate in the pure form: functions that read and change nothing but what they are given. S is the state, C the
// type of the commands, often an interface.
type Decider[S, C any] struct {
	// Events holds one value of each event type that Evolve knows, such as Opened{}. No other can be decided.
	Events []any
	// Initial returns the state before the first event; default S's zero value.
	Initial func() S
	// Decide returns the events that follow from the command, each anything that [event.New] takes; none when there is nothing to
	// change; or an error when the command is refused. It leaves the state as it is.
	Decide func(state S, command C) ([]any, error)
	// Evolve returns the state after an event of one of the types in Events, which it is given as a value. It never refuses: what
	// has happened has happened.
	Evolve func(state S, event any) S

	evolve func(state S, e event.Event[any]) S // set by Methods, in place of Evolve
	err    error                               // a mistake that Methods found
}

// Given returns the state after these events: what a test in the form given, when, then begins with. It panics when one is of a type
// that is not in Events.
func (d Decider[S, C]) Given(events ...any) S {
	if d.err != nil {
		panic(d.err)
	}
	known := map[reflect.Type]bool{}
	for _, e := range d.Events {
		known[reflect.TypeOf(e)] = true
	}
	state := d.initial()
	for _, given := range events {
		e := event.Event[any]{Data: given}
		if whole, ok := given.(interface{ Untyped() event.Event[any] }); ok {
			e = whole.Untyped()
		}
		if !known[reflect.TypeOf(e.Data)] {
			panic(fmt.Sprintf("aggregate: given a %T, which is not among the decider's Events", e.Data))
		}
		state = d.after(state, e)
	}
	return state
}

func (d *Decider[S, C]) initial() (state S) {
	if d.Initial == nil {
		return state
	}
	return d.Initial()
}

func (d *Decider[S, C]) after(state S, e event.Event[any]) S {
	if d.evolve != nil {
		return d.evolve(state, e)
	}
	return d.Evolve(state, e.Data)
}

func (d *Decider[S, C]) check() error {
	switch {
	case d.err != nil:
		return d.err
	case d.Decide == nil:
		return event.Invalid("Decide", "is missing")
	case d.Evolve == nil:
		return event.Invalid("Evolve", "is missing")
	case len(d.Events) == 0:
		return event.Invalid("Events", "is empty; list a value of each event type that Evolve knows, such as Opened{}")
	}
	return nil
}
