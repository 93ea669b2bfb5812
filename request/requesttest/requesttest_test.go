package requesttest_test

import (
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/request"
	"github.com/oxbow-events/oxbow/request/requesttest"
)

func onBus() request.Driver { return request.OnBus(bus.New(bus.Config{})) }

func TestConformanceOfTheBus(t *testing.T) {
	requesttest.Run(t, requesttest.Harness{Open: func(*testing.T) request.Driver { return onBus() }})
}

func TestConformanceInBubbles(t *testing.T) {
	requesttest.Run(t, requesttest.InBubbles(requesttest.Harness{Open: func(*testing.T) request.Driver { return onBus() }}))
}
