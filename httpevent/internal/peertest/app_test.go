package peertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type OrderPlaced struct{ OrderID string }

// stored are the records of an app, by type.
func stored(t *testing.T, app *oxbow.App) map[string]event.Record {
	t.Helper()
	records := map[string]event.Record{}
	for r, err := range app.Store().Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		records[r.Type] = r
	}
	return records
}

func expectStored(t *testing.T, app *oxbow.App) {
	t.Helper()
	records := stored(t, app)
	request, failed, order := records["http.request"], records["http.error"], records["order.placed"]
	if request.Stream != "http-POST /orders" || failed.Stream != request.Stream || !request.CausationID.IsZero() {
		t.Errorf("the request %+v, the error %+v", request, failed)
	}
	for _, r := range []event.Record{failed, order} {
		if r.CausationID != request.ID || r.CorrelationID != request.ID || r.TraceParent != request.TraceParent {
			t.Errorf("%s %+v is not linked to the request %+v", r.Type, r.Metadata, request.Metadata)
		}
	}
}

func failing(app *oxbow.App) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		if _, err := app.Publish(r.Context(), OrderPlaced{"42"}); err != nil {
			http.Error(w, "try again", http.StatusServiceUnavailable)
		}
		w.WriteHeader(http.StatusInternalServerError)
	})
	return mux
}

func newApp(t *testing.T) *oxbow.App {
	t.Helper()
	app := oxbow.New(memory.New(), oxbow.Config{})
	t.Cleanup(func() {
		if err := app.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return app
}

func TestAnAppStoresRequests(t *testing.T) {
	app := newApp(t)
	h := use(t, httpevent.PublisherOf(app.Publish), httpevent.Config{})(failing(app))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/orders", nil))
	expectStored(t, app)
}

// This is the way that httpevent's package comment shows.
func TestAQueuedSubscriptionStoresRequests(t *testing.T) {
	app, b := newApp(t), bus.New(bus.Config{})
	queued := bus.Queued(bus.Queue{Size: 10_000, WhenFull: bus.DropNewest})
	_, err := bus.Subscribe(b, func(ctx context.Context, e event.Event[httpevent.Request]) error {
		_, err := app.Publish(event.WithCause(ctx, event.Cause{}), e)
		return err
	}, queued)
	if err != nil {
		t.Fatal(err)
	}
	_, err = bus.Subscribe(b, func(ctx context.Context, e event.Event[httpevent.Error]) error {
		_, err := app.Publish(event.WithCause(ctx, event.Cause{}), e)
		return err
	}, queued)
	if err != nil {
		t.Fatal(err)
	}
	h := use(t, b, httpevent.Config{})(failing(app))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/orders", nil))
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	expectStored(t, app)
}
