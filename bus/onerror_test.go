package bus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestAnOnErrorThatPanicsEndsNothing(t *testing.T) {
	b := bus.New(bus.Config{OnError: func(context.Context, event.Event[any], error) { panic("nobody to tell") }})
	s, err := b.SubscribeTopic("**", func(context.Context, event.Event[any]) error { return errors.New("no") }, bus.Queued(bus.Queue{}))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := b.Publish(t.Context(), map[string]any{"type": "order.placed"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if stats := s.Stats(); stats.Failed != 3 {
		t.Errorf("%d events failed, want 3", stats.Failed)
	}
}
