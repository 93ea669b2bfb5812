package telemetry

import (
	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
)

// The rooms offer these hooks; telemetry implements them.
var (
	_ bus.Hook      = BusHook{}
	_ consumer.Hook = ConsumerHook{}
)
