package messaging

import (
	"context"
	"errors"

	"github.com/asaskevich/EventBus"
)

var eventBus = Bus{
	Name: "EventBus", Does: "asaskevich/EventBus; handlers called by reflection, no metadata; queued: a goroutine an event and subscriber",
	Sync: newEventBus(false), Queued: newEventBus(true),
}

type reflective struct{ bus EventBus.Bus }

func newEventBus(async bool) func(int, Handle) (Publisher, error) {
	return func(subscribers int, h Handle) (Publisher, error) {
		bus := EventBus.New()
		var errs []error
		for i := range subscribers {
			handle := func(o Order) { h(i, o) }
			if async {
				errs = append(errs, bus.SubscribeAsync(Name, handle, true)) // true: one call at a time
			} else {
				errs = append(errs, bus.Subscribe(Name, handle))
			}
		}
		return reflective{bus}, errors.Join(errs...)
	}
}

func (b reflective) Publish(_ context.Context, o Order) error {
	b.bus.Publish(Name, o)
	return nil
}

func (b reflective) Close() error {
	b.bus.WaitAsync()
	return nil
}
