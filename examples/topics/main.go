// Topics routes events by topic patterns, and by what is in them.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// Reading is published under a topic of its own: sensor.<room>.<kind>.
type Reading struct {
	Room, Kind string
	Value      float64
}

func (r Reading) EventTopic() string { return "sensor." + r.Room + "." + r.Kind }

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	b := bus.New(bus.Config{})
	show := func(name string) func(context.Context, event.Event[any]) error {
		return func(_ context.Context, e event.Event[any]) error {
			fmt.Printf("%-8s %s %v\n", name, e.RoutingKey(), e.Data)
			return nil
		}
	}
	hot := bus.Where(func(e event.Event[any]) bool {
		r, ok := e.Data.(Reading)
		return ok && r.Value > 30
	})
	for name, s := range map[string]struct {
		pattern string
		opts    []bus.Option
	}{
		"kitchen": {"sensor.kitchen.*", nil}, // one segment
		"alarm":   {"**.heat", nil},          // any number of segments
		"hot":     {"**", []bus.Option{hot}}, // everything, if it is hot
	} {
		if _, err := b.SubscribeTopic(s.pattern, show(name), s.opts...); err != nil {
			return err
		}
	}
	for _, r := range []Reading{{"kitchen", "light", 12}, {"kitchen", "heat", 35}, {"hall", "heat", 21}} {
		if err := bus.Publish(ctx, b, r); err != nil {
			return err
		}
	}
	// Data whose Go type is not known here are events, too.
	return b.Publish(ctx, map[string]any{"type": "smoke", "room": "attic"}, event.WithTopic("sensor.attic.heat"))
}
