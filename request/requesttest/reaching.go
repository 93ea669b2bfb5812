package requesttest

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

var reaching = []claim{
	{"EveryResponderGetsTheRequest", func(t *trial) {
		for range 3 {
			t.respond("price.asked", "pricing", t.says("seven"))
		}
		t.respond("price.dropped", "other", t.says("another topic"))
		if got := t.rest(t.ask(t.made("price.asked"), 1)); !slices.Equal(got, []string{"seven", "seven", "seven"}) {
			t.Errorf("the answers were %q", got)
		}
	}},
	{"PatternsMatchTheTopic", func(t *trial) {
		for _, pattern := range []string{"price.*", "**", "*.asked.eu", "*.*.*", "price.**.eu", "price.asked"} {
			t.respond(pattern, pattern, t.says(pattern))
		}
		got := t.rest(t.ask(t.made("price.asked", event.WithTopic("price.asked.eu")), 1))
		slices.Sort(got)
		if want := []string{"**", "*.*.*", "*.asked.eu", "price.**.eu"}; !slices.Equal(got, want) {
			t.Errorf("those that answered were %q, want %q", got, want)
		}
	}},
	{"ARequestArrivesWhole", func(t *trial) {
		q := t.made("price.asked", event.WithUser("ann"), event.WithSource("/shop"), event.WithTags("a", "b"), event.WithHeader("name", "value"))
		q.CorrelationID, q.CausationID = event.NewID(), event.NewID()
		q.TraceParent, q.TraceState, q.Version = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=b", 3
		t.respond("price.asked", "pricing", func(ctx context.Context, got *event.Event[any], r request.Reply) {
			m := got.Metadata
			m.ContentType = q.ContentType // which bytes have
			if !m.Time.Equal(q.Time) {
				t.Errorf("the time is %v, want %v", m.Time, q.Time)
			}
			if m.Time = q.Time; !reflect.DeepEqual(m, q.Metadata) {
				t.Errorf("the metadata are %+v, want %+v", m, q.Metadata)
			}
			if text(got.Data) != "question" {
				t.Errorf("the data are %v", got.Data)
			}
			if cause, ok := event.CauseFrom(ctx); !ok || cause != q.Cause() {
				t.Errorf("the context's cause is %+v, want %+v", cause, q.Cause())
			}
			t.says("seven")(ctx, got, r)
		})
		t.rest(t.ask(q, 1))
	}},
	{"AStoppedResponderGetsNoMore", func(t *trial) {
		stop := t.respond("price.asked", "first", t.says("first"))
		t.respond("price.asked", "second", t.says("second"))
		stop()
		stop()
		if got := t.rest(t.ask(t.made("price.asked"), 1)); !slices.Equal(got, []string{"second"}) {
			t.Errorf("the answers were %q", got)
		}
	}},
	{"ABadPatternIsRefused", func(t *trial) {
		_, err := t.d.Respond(t.ctx, request.Route{Pattern: "price..asked", Name: "pricing"}, func(context.Context, *event.Event[any], request.Reply) error { return nil })
		if !errors.Is(err, event.ErrInvalid) {
			t.Errorf("the error is %v, want ErrInvalid", err)
		}
	}},
}

// refusal is what comes back when nobody answers, from Ask or from Next.
func (t *trial) refusal() error {
	a, err := t.d.Ask(t.ctx, t.made("price.asked"), 1)
	if err != nil {
		return err
	}
	defer a.Close()
	_, err = a.Next(t.ctx)
	return err
}

var nobody = []claim{
	{"NobodyListens", func(t *trial) {
		t.respond("price.dropped", "other", t.says("another topic"))
		if err := t.refusal(); !errors.Is(err, request.ErrNoResponder) {
			t.Errorf("the error is %v, want ErrNoResponder", err)
		}
	}},
	{"WhoeverDeclinesIsNotThere", func(t *trial) {
		decline := func(context.Context, *event.Event[any], request.Reply) error { return errors.New("paused") }
		t.take("price.asked", "paused", decline)
		if err := t.refusal(); !errors.Is(err, request.ErrNoResponder) {
			t.Errorf("the error is %v, want ErrNoResponder", err)
		}
		t.respond("price.asked", "pricing", t.says("seven"))
		a := t.ask(t.made("price.asked"), 1)
		if got := t.rest(a); !slices.Equal(got, []string{"seven"}) {
			t.Errorf("the answers were %q", got)
		}
		if n, all := a.Asked(); n != 1 || !all {
			t.Errorf("asked were %d, all of them: %t", n, all)
		}
	}},
	{"BusyIsTold", func(t *trial) {
		for range 2 { // more than the window
			t.take("price.asked", "pricing", func(context.Context, *event.Event[any], request.Reply) error { return request.ErrBusy })
		}
		a := t.ask(t.made("price.asked"), 1)
		for range 2 {
			if got := t.next(a); got.Err == nil || got.Err.Code != request.CodeBusy || !got.NoAnswer || !got.Last || got.Responder != "pricing" {
				t.Errorf("the answer is %+v, want that pricing is busy", got)
			}
		}
		if got := t.rest(a); got != nil {
			t.Errorf("then came %q", got)
		}
		if n, _ := a.Asked(); n != 2 {
			t.Errorf("asked were %d", n)
		}
	}},
}
