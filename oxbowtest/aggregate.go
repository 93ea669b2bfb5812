package oxbowtest

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/aggregate"
	"github.com/oxbow-events/oxbow/event"
)

// AggregateTest is a test of an aggregate in the form given, when, then. Make one with Aggregate.
type AggregateTest[S, C any] struct {
	scene
	decider  aggregate.Decider[S, C]
	registry event.Registry
	history  []event.Event[any]
	decided  []event.Event[any]
	err      error
}

// Aggregate begins a test of an aggregate, in either form: a decider, or what [aggregate.Methods] returns.
//
//	oxbowtest.Aggregate(t, accounts).
//		Given(Opened{Owner: "ann"}, Deposited{Cents: 900}).
//		When(Withdraw(500)).
//		Then(Withdrawn{Cents: 500})
//
// Beside what the test expects, it fails when Decide changes the state that it is given, when it decides an event that Decider.Events does
// not list, and when an event cannot be stored and read again.
func Aggregate[S, C any](t testing.TB, d aggregate.Decider[S, C]) *AggregateTest[S, C] {
	t.Helper()
	a := &AggregateTest[S, C]{decider: d}
	a.t = t
	for _, e := range d.Events {
		if err := a.registry.RegisterType(reflect.TypeOf(e)); err != nil {
			t.Fatalf("oxbowtest: the decider's Events: %v", err)
		}
	}
	return a
}

// Matching says how Then compares events and ThenState the state; see [Match].
func (a *AggregateTest[S, C]) Matching(m Match) *AggregateTest[S, C] {
	a.match = m
	return a
}

// Given adds events that have happened.
func (a *AggregateTest[S, C]) Given(events ...any) *AggregateTest[S, C] {
	a.t.Helper()
	for _, e := range a.events("given", events) {
		tell(&a.given, &e)
		a.add(e)
	}
	return a
}

func (a *AggregateTest[S, C]) add(e event.Event[any]) {
	e.Revision = uint64(len(a.history) + 1)
	a.history = append(a.history, e)
}

// When has the command decided. What a When before it decided has happened by then.
func (a *AggregateTest[S, C]) When(command C) *AggregateTest[S, C] {
	a.t.Helper()
	for _, e := range a.decided {
		a.add(e)
	}
	a.when = append(a.when, commandLine(command))
	before, untouched := a.replay(a.history), a.replay(a.history)
	repeatable := reflect.DeepEqual(before, untouched)
	decided, err := a.decide(before, command)
	if repeatable && !reflect.DeepEqual(before, untouched) {
		a.fail("then Decide changed the state that it was given; only Evolve, or the methods for events, may (- before, + after):\n%s",
			diff(goLines(untouched), goLines(before)))
	}
	a.decided, a.err, a.ready = nil, err, true
	for _, data := range decided {
		if e, ok := a.asStored(data); ok {
			a.decided = append(a.decided, e)
		}
	}
	return a
}

func commandLine(command any) string {
	if command == nil {
		return "nil"
	}
	if reflect.TypeOf(command).Kind() == reflect.Func {
		return "a function is executed"
	}
	return fmt.Sprintf("%s %s", typeName(command), compact(command))
}

func goLines(v any) []string {
	text := fmt.Sprintf("%#v", v)
	if lines := pretty(plain(v)); reflect.ValueOf(v).Kind() == reflect.Pointer || len(lines) > 1 {
		return append(lines, fmt.Sprintf("%+v", reflect.Indirect(reflect.ValueOf(v))))
	}
	return []string{text}
}

// decide is Decide, whose panic fails the test.
func (a *AggregateTest[S, C]) decide(state S, command C) (events []any, err error) {
	a.t.Helper()
	defer func() {
		if v := recover(); v != nil {
			a.t.Fatalf("%sthen Decide panicked: %v", a.story(), v)
		}
	}()
	return a.decider.Decide(state, command)
}

// asStored returns what was decided as it comes back from a store.
func (a *AggregateTest[S, C]) asStored(data any) (event.Event[any], bool) {
	a.t.Helper()
	e, err := a.builder.event(data, nil)
	if err == nil && a.registry.Types()[e.Type] == nil {
		err = fmt.Errorf("%s is not among the decider's Events (%s)", e.Type, strings.Join(typeNames(a.decider.Events), ", "))
	}
	var rec event.Record
	if err == nil {
		rec, err = a.registry.Encode(e)
	}
	if err == nil {
		e, err = a.registry.Decode(rec)
	}
	if err != nil {
		a.fail("then Decide returned a %T that no repository takes: %v", data, err)
		return e, false
	}
	return e, true
}

func typeNames(values []any) []string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = typeName(v)
	}
	return names
}

func (a *AggregateTest[S, C]) replay(events []event.Event[any]) S {
	a.t.Helper()
	defer func() {
		if v := recover(); v != nil {
			a.t.Fatalf("%sthen the state cannot be made: %v", a.story(), v)
		}
	}()
	given := make([]any, len(events))
	for i, e := range events {
		given[i] = e
	}
	return a.decider.Given(given...)
}

// Then fails the test unless exactly these events were decided, in order. Without any, it is what a command that changes nothing does.
func (a *AggregateTest[S, C]) Then(events ...any) *AggregateTest[S, C] {
	a.t.Helper()
	a.began("Then")
	if a.err != nil {
		a.fail("then the command was refused; expected %s:\n+ %v", count(len(events), "event"), a.err)
		return a
	}
	a.compare(events, a.decided)
	return a
}

// ThenError fails the test unless the command was refused with this error, or one that wraps it. With nil, any refusal will do.
func (a *AggregateTest[S, C]) ThenError(want error) *AggregateTest[S, C] {
	a.t.Helper()
	a.began("ThenError")
	if a.err == nil && len(a.decided) > 0 {
		var lines []string
		for i := range a.decided {
			lines = append(lines, a.match.show(&a.decided[i], nil)...)
		}
		a.fail("then the command was not refused%s; it led to:\n%s", with(want), joinLines(indented(lines, "+ ")))
		return a
	}
	a.compareError("the command", want, a.err)
	return a
}

func with(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprintf(" with %q", err)
}

// ThenState fails the test unless the state after what was decided is this one, compared as JSON.
func (a *AggregateTest[S, C]) ThenState(want S) *AggregateTest[S, C] {
	a.t.Helper()
	a.compareValues("the state", want, a.State())
	return a
}

// State returns the state after what was given and decided.
func (a *AggregateTest[S, C]) State() S {
	a.t.Helper()
	all := append(a.history[:len(a.history):len(a.history)], a.decided...)
	return a.replay(all)
}

// Err returns why the command was refused, for tests that look at more than ThenError does.
func (a *AggregateTest[S, C]) Err() error { return a.err }

func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
