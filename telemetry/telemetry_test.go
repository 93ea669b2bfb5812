package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/telemetry"
)

func TestNewRefusesByName(t *testing.T) {
	for field, cfg := range map[string]telemetry.Config{
		"MaxNames":        {MaxNames: -1},
		"Service.Name":    {Service: telemetry.Service{Name: "a\nb"}},
		"Service.Cluster": {Service: telemetry.Service{Cluster: strings.Repeat("x", 256)}},
		"Service.Mesh":    {Service: telemetry.Service{Mesh: "\xff"}},
	} {
		_, err := telemetry.New(cfg)
		if invalid := (*event.InvalidError)(nil); !errors.As(err, &invalid) || invalid.Field != field {
			t.Errorf("got %v, want a refusal of %s", err, field)
		}
	}
}

//nolint:staticcheck // a nil context is what is tested
func TestNothingIsNoReasonToPanic(t *testing.T) {
	l := newLab(t, telemetry.Config{LogEvents: true, Names: true})
	var none context.Context
	end := func(done func(error)) {
		if done != nil {
			done(nil)
		}
	}
	for _, tel := range []*telemetry.Telemetry{l.Telemetry, telemetryOf(t, telemetry.Config{})} {
		for _, m := range []*event.Metadata{nil, {}} {
			_, done := tel.BusHook().Publish(none, m)
			end(done)
			_, done = tel.BusHook().Deliver(none, "", m)
			end(done)
		}
		for _, r := range []*event.Record{nil, {}} {
			_, done := tel.ConsumerHook().Handle(none, "", r, 0)
			end(done)
			tel.ConsumerHook().Retry(none, "", r, 0, -1, nil)
			tel.ConsumerHook().DeadLetter(none, "", r, 0, nil)
		}
		for _, c := range []*store.Commit{nil, {}, {Events: make([]event.Record, 2)}} {
			if _, done := tel.StoreHook().Append(none, c); done != nil {
				done(store.Receipt{}, nil)
			}
		}
		for _, c := range []*middleware.Call{nil, {}, {Kind: middleware.Request}} {
			if _, err := tel.Middleware()(answering(nil, nil))(none, c); err != nil {
				t.Error(err)
			}
		}
		if tel.HTTP(nil) == nil {
			t.Error("no handler")
		}
	}
	ctx, done := telemetry.BusHook{}.Publish(t.Context(), &event.Metadata{})
	if ctx != t.Context() || done != nil {
		t.Error("a hook of no telemetry does something")
	}
	_, done = telemetry.BusHook{}.Deliver(t.Context(), "", &event.Metadata{})
	_, appended := telemetry.StoreHook{}.Append(t.Context(), &store.Commit{})
	_, handled := telemetry.ConsumerHook{}.Handle(t.Context(), "", &event.Record{}, 1)
	if done != nil || appended != nil || handled != nil {
		t.Error("a hook of no telemetry does something")
	}
	telemetry.ConsumerHook{}.Retry(t.Context(), "", &event.Record{}, 1, 0, nil)
	telemetry.ConsumerHook{}.DeadLetter(t.Context(), "", &event.Record{}, 1, nil)
}

func TestAllMayBeCalledAtTheSameTime(t *testing.T) {
	l := newLab(t, telemetry.Config{LogEvents: true, MaxNames: 5, Service: shop})
	st, b := l.store(), bus.New(bus.Config{})
	subscribe(l, b, "sync", func(ctx context.Context, e event.Event[orderPlaced]) error {
		_, err := st.Append(ctx, e)
		return err
	})
	subscribe(l, b, "queued", func(context.Context, event.Event[orderPlaced]) error { return nil }, bus.Queued(bus.Queue{Workers: 4}))
	h := l.HTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := l.publish(r.Context(), b, orderPlaced{OrderID: "1"}); err != nil {
			t.Error(err)
		}
	}))
	const workers, each = 8, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := range each {
				serve(h, "GET", "/", "Traceparent", callerParent)
				r := placed(time.Now())
				r.Type = fmt.Sprintf("type.%d", i)
				ctx, done := l.ConsumerHook().Handle(context.Background(), "c", r, 1)
				l.ConsumerHook().Retry(ctx, "c", r, 1, time.Second, errNoMoney)
				done(errNoMoney)
			}
		})
	}
	wg.Wait()
	idle(t, b)
	l.expectSum(workers*each, "oxbow.published", "oxbow.operation", "publish", "oxbow.event.type", "order.placed")
	l.expectSum(workers*each, "oxbow.delivered", "oxbow.operation", "deliver", "oxbow.handler", "queued", "oxbow.event.type", "order.placed")
	l.expectSum(0, "oxbow.in_flight", "oxbow.operation", "handle")
	// A request, a publish, two deliveries, an append and an attempt.
	if n := len(l.spans.GetSpans()); n != workers*each*6 {
		t.Errorf("there are %d spans, want %d", n, workers*each*6)
	}
}
