package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// fill appends events with the ids 1 to n, alternately of two types and in two streams.
func fill(t *testing.T, st *store.Store, n int) {
	t.Helper()
	for i := 1; i <= n; i++ {
		commit(t, st, event.Record{
			Metadata: event.Metadata{
				ID: id(t, fmt.Sprint(i)), Type: []string{"order.placed", "order.paid"}[i%2], Source: "/test",
				Tags: []string{fmt.Sprintf("mod3:%d", i%3), fmt.Sprintf("mod5:%d", i%5)}, CorrelationID: id(t, fmt.Sprintf("c%d", i%4)),
			},
			Place: event.Place{Stream: []string{"order-even", "order-odd"}[i%2]},
			Data:  fmt.Appendf(nil, `{"n":%d}`, i),
		})
	}
}

func id(t *testing.T, text string) event.ID {
	t.Helper()
	parsed, err := event.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func commit(t *testing.T, st *store.Store, records ...event.Record) {
	t.Helper()
	if _, err := st.Commit(t.Context(), store.Commit{Events: records}); err != nil {
		t.Fatal(err)
	}
}

// idsOf returns the ids of CloudEvents.
func idsOf(t *testing.T, events []json.RawMessage) string {
	t.Helper()
	var ids []string
	for _, text := range events {
		r, err := cloudevents.Unmarshal(text)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, r.ID.String())
	}
	return strings.Join(ids, " ")
}

func TestGetEventsFilters(t *testing.T) {
	st := newStore(t)
	fill(t, st, 12)
	h := newServer(t, server.Config{Store: st}).Handler()
	for _, c := range []struct{ query, want string }{
		{"", "1 2 3 4 5 6 7 8 9 10 11 12"},
		{"?stream=order-odd", "1 3 5 7 9 11"},
		{"?prefix=order-e", "2 4 6 8 10 12"},
		{"?type=order.placed", "2 4 6 8 10 12"},
		{"?type=order.placed&type=order.paid&limit=3", "1 2 3"},
		{"?tag=mod3:0", "3 6 9 12"},
		{"?tag=mod3:0&tag=mod5:1", "6"},
		{"?correlation=c1", "1 5 9"},
		{"?id=7", "7"},
		{"?after=10", "11 12"},
		{"?before=3", "1 2"},
		{"?after=3&before=6", "4 5"},
		{"?order=backward&limit=2", "12 11"},
		{"?order=forward&limit=2", "1 2"},
		{"?type=unheard.of", ""},
	} {
		got := decode[server.Page](t, send(t, h, request{target: "/v1/events" + c.query}), http.StatusOK)
		if ids := idsOf(t, got.Events); ids != c.want || got.Head != 12 {
			t.Errorf("GET /v1/events%s: events %q with head %d, want %q with 12", c.query, ids, got.Head, c.want)
		}
	}
}

func TestGetEventsPages(t *testing.T) {
	st := newStore(t)
	fill(t, st, 12)
	h := newServer(t, server.Config{Store: st}).Handler()
	for _, c := range []struct{ first, want string }{
		{"/v1/events?limit=5", "1 2 3 4 5|6 7 8 9 10|11 12"},
		{"/v1/events?limit=6", "1 2 3 4 5 6|7 8 9 10 11 12"},
		{"/v1/events?limit=5&order=backward", "12 11 10 9 8|7 6 5 4 3|2 1"},
		{"/v1/events?limit=2&tag=mod3:0&tag=mod5:0&stream=order-odd", ""},
		{"/v1/events?limit=2&type=order.placed&type=order.paid&tag=mod3:1", "1 4|7 10"},
	} {
		var pages []string
		for next := &c.first; next != nil; {
			page := decode[server.Page](t, send(t, h, request{target: *next}), http.StatusOK)
			pages = append(pages, idsOf(t, page.Events))
			next = page.Next
		}
		if got := strings.Join(pages, "|"); got != c.want {
			t.Errorf("pages from %s: %q, want %q", c.first, got, c.want)
		}
	}
}

func TestGetEventsEndsAPageBeforeItGrowsTooLarge(t *testing.T) {
	st := newStore(t)
	for i := range 3 {
		commit(t, st, event.Record{
			Metadata: event.Metadata{ID: id(t, fmt.Sprint(i)), Type: "large", Source: "/test"}, Place: event.Place{Stream: "s"},
			Data: []byte(`"` + strings.Repeat("x", 3<<20) + `"`),
		})
	}
	h := newServer(t, server.Config{Store: st}).Handler()
	page := decode[server.Page](t, send(t, h, request{target: "/v1/events"}), http.StatusOK)
	if got := idsOf(t, page.Events); got != "0 1" || page.Next == nil || *page.Next != "/v1/events?after=2" {
		t.Errorf("page %q, next %v", got, page.Next)
	}
}

// busyDriver gets another event whenever somebody has asked for its head.
type busyDriver struct {
	store.Driver
	t *testing.T
}

func (d busyDriver) Head(ctx context.Context) (store.Position, error) {
	head, err := d.Driver.Head(ctx)
	commit(d.t, store.New(d.Driver, store.Config{}), event.Record{Metadata: event.Metadata{Type: "late"}, Place: event.Place{Stream: "s"}})
	return head, err
}

func TestGetEventsAreNoNewerThanTheHeadTheyTell(t *testing.T) {
	driver := memory.New()
	fill(t, store.New(driver, store.Config{}), 3)
	h := newServer(t, server.Config{Store: store.New(busyDriver{driver, t}, store.Config{})}).Handler()
	page := decode[server.Page](t, send(t, h, request{target: "/v1/events"}), http.StatusOK)
	if got := idsOf(t, page.Events); got != "1 2 3" || page.Head != 3 {
		t.Errorf("page %q with head %d", got, page.Head)
	}
}

func TestGetEventsOfAnEmptyStore(t *testing.T) {
	rep := send(t, newServer(t, server.Config{}).Handler(), request{target: "/v1/events"})
	if page := decode[server.Page](t, rep, http.StatusOK); page.Events == nil || len(page.Events) != 0 || page.Next != nil || page.Head != 0 {
		t.Errorf("page %+v", page)
	}
}

func TestGetEventsNamesBadParameters(t *testing.T) {
	h := newServer(t, server.Config{}).Handler()
	for _, c := range []struct{ query, parameter string }{
		{"?typ=a", "typ"},
		{"?after=x", "after"},
		{"?after=-1", "after"},
		{"?after=head", "after"},
		{"?before=", "before"},
		{"?limit=0", "limit"},
		{"?limit=1001", "limit"},
		{"?limit=1e3", "limit"},
		{"?order=up", "order"},
		{"?type=a..b", "type"},
		{"?type=", "type"},
		{"?tag=a,b", "tag"},
		{"?stream=a%0Ab", "stream"},
		{"?stream=%FF", "stream"},
		{"?id=%00", "id"},
		{"?correlation=a&correlation=b", "correlation"},
	} {
		p := problem(t, send(t, h, request{target: "/v1/events" + c.query}), http.StatusBadRequest)
		if len(p.Errors) != 1 || p.Errors[0].Parameter != c.parameter {
			t.Errorf("GET /v1/events%s: errors %+v, want one about %s", c.query, p.Errors, c.parameter)
		}
	}
	p := problem(t, send(t, h, request{target: "/v1/events?limit=0&order=up&typ=x"}), http.StatusBadRequest)
	if len(p.Errors) != 3 {
		t.Errorf("errors %+v, want all three", p.Errors)
	}
}

func TestGetEventByID(t *testing.T) {
	st := newStore(t)
	fill(t, st, 3)
	commit(t, st, event.Record{
		Metadata: event.Metadata{ID: id(t, "a/b c?"), Type: "odd.id", Source: "/test"}, Place: event.Place{Stream: "s"},
	})
	h := newServer(t, server.Config{Store: st}).Handler()
	for path, want := range map[string]string{"/v1/events/2": "2", "/v1/events/a%2Fb%20c%3F": "a/b c?"} {
		rep := send(t, h, request{target: path})
		r, err := cloudevents.Unmarshal([]byte(rep.body))
		if err != nil || r.ID.String() != want || rep.header.Get("Content-Type") != cloudevents.ContentType {
			t.Errorf("GET %s: %v, %v, %v", path, r, err, rep.header)
		}
	}
	problem(t, send(t, h, request{target: "/v1/events/nobody"}), http.StatusNotFound)
	problem(t, send(t, h, request{target: "/v1/events/a%00b"}), http.StatusBadRequest)
	problem(t, send(t, h, request{target: "/v1/events/2?limit=1"}), http.StatusBadRequest)
}

func TestGetStreamsPages(t *testing.T) {
	st := newStore(t)
	for i := range 5 {
		commit(t, st, event.Record{
			Metadata: event.Metadata{Type: "a.b", Source: "/test"}, Place: event.Place{Stream: fmt.Sprintf("s-%d", i)},
		})
	}
	commit(t, st, event.Record{Metadata: event.Metadata{Type: "a.b", Source: "/test"}, Place: event.Place{Stream: "other"}})
	h := newServer(t, server.Config{Store: st}).Handler()
	var pages []string
	first := "/v1/streams?prefix=s-&limit=2"
	for next := &first; next != nil; {
		page := decode[server.StreamPage](t, send(t, h, request{target: *next}), http.StatusOK)
		var names []string
		for _, info := range page.Streams {
			names = append(names, info.Name)
		}
		pages = append(pages, strings.Join(names, " "))
		next = page.Next
	}
	if got := strings.Join(pages, "|"); got != "s-0 s-1|s-2 s-3|s-4" {
		t.Errorf("pages %q", got)
	}
	problem(t, send(t, h, request{target: "/v1/streams?limit=x"}), http.StatusBadRequest)
}

func TestGetStats(t *testing.T) {
	st := newStore(t)
	fill(t, st, 12)
	h := newServer(t, server.Config{Store: st}).Handler()
	got := decode[store.Stats](t, send(t, h, request{target: "/v1/stats"}), http.StatusOK)
	if got.Events != 12 || got.Streams != 2 || got.Head != 12 || got.Types["order.paid"] != 6 {
		t.Errorf("stats %+v", got)
	}
	if got.EventsPerSecond <= 0 || got.EventsPerSecond > 12 || got.BytesPerSecond <= 0 {
		t.Errorf("rates %v and %v, want some of a store that was only just filled", got.EventsPerSecond, got.BytesPerSecond)
	}
}

// plainDriver has the methods that every driver has, and no others.
type plainDriver struct{ store.Driver }

func TestWhatTheDriverCannotDoIsNotAvailable(t *testing.T) {
	st := store.New(plainDriver{memory.New()}, store.Config{})
	h := newServer(t, server.Config{Store: st}).Handler()
	problem(t, send(t, h, request{target: "/v1/streams"}), http.StatusNotImplemented)
	problem(t, send(t, h, request{target: "/v1/stats"}), http.StatusNotImplemented)
}
