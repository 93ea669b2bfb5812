package oxbowtest

import (
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// Tree returns what was noted as a tree: each event a line of its type and its stream, below it and indented what it caused, in order.
// What was caused by nothing that was noted stands at the left.
//
//	order.placed in order-42
//	  payment.requested in payment-42
//	    payment.taken in payment-42
//	  mail.sent in mail
func (r *Recorder) Tree() string { return tree(r.Events()) }

func tree(events []event.Event[any]) string {
	known := map[event.ID]bool{}
	for _, e := range events {
		known[e.ID] = true
	}
	effects := map[event.ID][]event.Event[any]{}
	var roots []event.Event[any]
	for _, e := range events {
		if known[e.CausationID] && e.CausationID != e.ID {
			effects[e.CausationID] = append(effects[e.CausationID], e)
		} else {
			roots = append(roots, e)
		}
	}
	w := treeWriter{effects: effects, written: map[event.ID]bool{}}
	for _, e := range append(roots, events...) { // the latter for what causes each other in a circle
		w.write(e, 0)
	}
	return strings.Join(w.lines, "\n")
}

type treeWriter struct {
	effects map[event.ID][]event.Event[any]
	written map[event.ID]bool
	lines   []string
}

func (w *treeWriter) write(e event.Event[any], depth int) {
	repeated := w.written[e.ID]
	if repeated && depth == 0 {
		return
	}
	w.written[e.ID] = true
	line := strings.Repeat("  ", depth) + e.Type
	if e.Stream != "" {
		line += " in " + e.Stream
	}
	w.lines = append(w.lines, line)
	if repeated {
		return
	}
	for _, effect := range w.effects[e.ID] {
		w.write(effect, depth+1)
	}
}

// CausedBy returns the events that name this one as their cause, in order.
func (r *Recorder) CausedBy(id event.ID) []event.Event[any] {
	var effects []event.Event[any]
	for _, e := range r.Events() {
		if e.CausationID == id {
			effects = append(effects, e)
		}
	}
	return effects
}

// account tells what was noted, for failures.
func (r *Recorder) account() string {
	if len(r.Events()) == 0 {
		return "nothing was recorded"
	}
	return "what was recorded, and what caused it:\n" + joinLines(indented(strings.Split(r.Tree(), "\n"), "  "))
}
