package httpevent_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
)

func TestARequestCostsFourAllocations(t *testing.T) {
	answering := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(answer) })
	nobody := httpevent.PublisherFunc(func(context.Context, any, ...event.Option) error { return nil })
	bare := allocations(answering)
	for name, c := range map[string]struct {
		pub  httpevent.Publisher
		most float64
	}{
		"nothing is published": {nobody, 3},
		"a bus, the event":     {bus.New(bus.Config{}), 4},
	} {
		if n := allocations(wrap(t, c.pub, httpevent.Config{}, answering)) - bare; n > c.most {
			t.Errorf("%s: %v allocations more than the bare handler's, want at most %v", name, n, c.most)
		}
	}
}

func allocations(h http.Handler) float64 {
	w, r := &discard{header: http.Header{}}, httptest.NewRequest("GET", "/", nil)
	w.header.Set("Content-Type", "text/plain") // the map has room
	return testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) })
}
