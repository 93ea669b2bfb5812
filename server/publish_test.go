package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
)

const (
	structured = "application/cloudevents+json"
	batch      = "application/cloudevents-batch+json"
)

// cloudEvent is one event as JSON, with more members.
func cloudEvent(id, eventType, more string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/test","type":%q%s}`, id, eventType, more)
}

// post sends events to the server.
func post(t *testing.T, s *server.Server, target, contentType, body string) reply {
	t.Helper()
	return send(t, s.Handler(), request{
		method: http.MethodPost, target: target, body: body, header: map[string]string{"Content-Type": contentType},
	})
}

// stored returns everything in the store.
func stored(t *testing.T, st *store.Store) (records []event.Record) {
	t.Helper()
	for r, err := range st.Read(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func TestPostStoresOneEvent(t *testing.T) {
	st := newStore(t)
	s := newServer(t, server.Config{Store: st})
	rep := post(t, s, "/v1/events", structured,
		cloudEvent("e 1", "order.placed", `,"stream":"order-42","tags":"customer:7","data":{"total": 1200}`))
	got := decode[server.Receipt](t, rep, http.StatusCreated)
	if got.First != 1 || got.Last != 1 || got.Revisions["order-42"] != 1 || got.Durability != store.InMemory || got.Repeated ||
		len(got.IDs) != 1 || got.IDs[0].String() != "e 1" {
		t.Errorf("receipt %+v", got)
	}
	if location := rep.header.Get("Location"); location != "/v1/events/e%201" {
		t.Errorf("location %q", location)
	}
	records := stored(t, st)
	if len(records) != 1 || string(records[0].Data) != `{"total": 1200}` || records[0].Time.IsZero() ||
		!slices.Equal(records[0].Tags, []string{"customer:7"}) {
		t.Errorf("stored %+v", records)
	}
}

func TestPostStoresABatchInOneCommit(t *testing.T) {
	st := newStore(t)
	s := newServer(t, server.Config{Store: st})
	body := "[" + cloudEvent("1", "a.b", `,"stream":"s"`) + "," + cloudEvent("2", "a.b", `,"stream":"s"`) + "]"
	got := decode[server.Receipt](t, post(t, s, "/v1/events", batch, body), http.StatusCreated)
	if got.First != 1 || got.Last != 2 || got.Revisions["s"] != 2 || len(got.IDs) != 2 {
		t.Errorf("receipt %+v", got)
	}

	body = "[" + cloudEvent("3", "a.b", "") + "," + cloudEvent("", "a.b", "") + "," + cloudEvent("5", "a b", "") + "]"
	p := problem(t, post(t, s, "/v1/events", batch, body), http.StatusBadRequest)
	if len(p.Errors) != 2 || *p.Errors[0].Index != 1 || p.Errors[0].Field != "id" || *p.Errors[1].Index != 2 || p.Errors[1].Field != "type" {
		t.Errorf("errors %+v, want id of event 1 and type of event 2", p.Errors)
	}
	if n := len(stored(t, st)); n != 2 {
		t.Errorf("%d events stored after a refused batch, want 2", n)
	}
}

func TestPostTakesBinaryMode(t *testing.T) {
	st := newStore(t)
	s := newServer(t, server.Config{Store: st})
	rep := send(t, s.Handler(), request{method: http.MethodPost, target: "/v1/events", body: "<note/>", header: map[string]string{
		"Content-Type": "application/xml", "ce-specversion": "1.0", "ce-id": "b1", "ce-source": "/test", "ce-type": "note.written",
		"ce-stream": "notes",
	}})
	decode[server.Receipt](t, rep, http.StatusCreated)
	r := stored(t, st)[0]
	if string(r.Data) != "<note/>" || r.ContentType != "application/xml" || r.Stream != "notes" || r.ID.String() != "b1" {
		t.Errorf("stored %+v", r)
	}
}

func TestPostAgainIsRecognised(t *testing.T) {
	st := newStore(t)
	s := newServer(t, server.Config{Store: st})
	body := cloudEvent("1", "a.b", "")
	decode[server.Receipt](t, post(t, s, "/v1/events", structured, body), http.StatusCreated)
	got := decode[server.Receipt](t, post(t, s, "/v1/events", structured, body), http.StatusOK)
	if !got.Repeated || got.First != 1 || len(stored(t, st)) != 1 {
		t.Errorf("receipt %+v with %d events stored", got, len(stored(t, st)))
	}
}

func TestPostChoosesTheStream(t *testing.T) {
	for _, c := range []struct{ name, target, more, want string }{
		{"the event's own", "/v1/events?stream=p", `,"stream":"own","aggregatetype":"order","aggregateid":"1"`, "own"},
		{"the parameter", "/v1/events?stream=p", `,"aggregatetype":"order","aggregateid":"1"`, "p"},
		{"the aggregate", "/v1/events", `,"aggregatetype":"order","aggregateid":"1"`, "order-1"},
		{"the type", "/v1/events", "", "order.placed"},
		{"not the place of another store", "/v1/events", `,"stream":"own","revision":"7","position":"99"`, "own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := newStore(t)
			rep := post(t, newServer(t, server.Config{Store: st}), c.target, structured, cloudEvent("1", "order.placed", c.more))
			got := decode[server.Receipt](t, rep, http.StatusCreated)
			if got.Revisions[c.want] != 1 || got.First != 1 {
				t.Errorf("receipt %+v, want revision 1 of %q at position 1", got, c.want)
			}
		})
	}
}

func TestPostExpectsARevision(t *testing.T) {
	st := newStore(t)
	s := newServer(t, server.Config{Store: st})
	for i, c := range []struct {
		expect string
		status int
	}{
		{"exists", http.StatusConflict},
		{"1", http.StatusConflict},
		{"none", http.StatusCreated},
		{"none", http.StatusConflict},
		{"0", http.StatusConflict},
		{"1", http.StatusCreated},
		{"exists", http.StatusCreated},
	} {
		rep := post(t, s, "/v1/events?stream=s&expect="+c.expect, structured, cloudEvent(fmt.Sprint(i), "a.b", ""))
		if rep.status != c.status {
			t.Errorf("step %d, expect=%s: status %d, want %d: %s", i, c.expect, rep.status, c.status, rep.body)
		}
	}
	p := problem(t, post(t, s, "/v1/events?stream=s&expect=1", structured, cloudEvent("x", "a.b", "")), http.StatusConflict)
	if p.Stream != "s" || p.Want != "revision 1" || p.Found != "revision 3" || p.Revision != 3 {
		t.Errorf("problem %+v", p)
	}
	if n := len(stored(t, st)); n != 3 {
		t.Errorf("%d events stored, want 3", n)
	}
}

func TestPostOfAnIDStoredElsewhereConflicts(t *testing.T) {
	s := newServer(t, server.Config{})
	decode[server.Receipt](t, post(t, s, "/v1/events?stream=a", structured, cloudEvent("1", "a.b", "")), http.StatusCreated)
	p := problem(t, post(t, s, "/v1/events?stream=b", structured, cloudEvent("1", "a.b", "")), http.StatusConflict)
	if p.ID != "1" || p.Position != 1 {
		t.Errorf("problem %+v, want id 1 at position 1", p)
	}
}

func TestPostToATombstonedStreamIsGone(t *testing.T) {
	st := newStore(t)
	s := newServer(t, server.Config{Store: st})
	decode[server.Receipt](t, post(t, s, "/v1/events?stream=user-42", structured, cloudEvent("1", "a.b", "")), http.StatusCreated)
	if _, err := st.TombstoneStream(t.Context(), "user-42"); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"?stream=user-42", "?stream=user-42&expect=none", "?stream=user-42&expect=exists", "?stream=user-42&expect=1"} {
		rep := post(t, s, "/v1/events"+target, structured, cloudEvent("2", "a.b", ""))
		p := problem(t, rep, http.StatusGone)
		if p.Type != "/docs/server.md#stream-tombstoned" || p.Stream != "user-42" || !strings.HasSuffix(p.Detail, "; nothing was written") {
			t.Errorf("%s: problem %+v", target, p)
		}
	}
	mixed := "[" + cloudEvent("3", "a.b", `,"stream":"user-43"`) + "," + cloudEvent("4", "a.b", `,"stream":"user-42"`) + "]"
	problem(t, post(t, s, "/v1/events", batch, mixed), http.StatusGone)
	if n := len(stored(t, st)); n != 0 {
		t.Errorf("%d events stored, want none", n)
	}
}

func TestPostRefusesAndWritesNothing(t *testing.T) {
	for _, c := range []struct {
		name, target, contentType, body string
		status                          int
		want                            string // in the problem
	}{
		{"no JSON", "", structured, `{"id"`, 400, "is not JSON"},
		{"no object", "", structured, `[]`, 400, "a CloudEvent is an object"},
		{"no type", "", structured, `{"specversion":"1.0","id":"1","source":"/s"}`, 400, "type is missing"},
		{"no source", "", structured, `{"specversion":"1.0","id":"1","type":"a.b"}`, 400, "source is missing"},
		{"old version", "", structured, `{"specversion":"0.3","id":"1","source":"/s","type":"a.b"}`, 400, "specversion"},
		{"stream with a newline", "", structured, cloudEvent("1", "a.b", `,"stream":"a\nb"`), 400, "stream has the control character"},
		{"parameter with a newline", "?stream=a%0Ab", structured, cloudEvent("1", "a.b", ""), 400, "stream has the control character"},
		{"batch of none", "", batch, `[]`, 400, "has no events"},
		{"batch that is none", "", batch, cloudEvent("1", "a.b", ""), 400, "not an array"},
		{"batch that is too long", "", batch, "[" + strings.Repeat("0,", store.MaxEvents) + "0]", 400, "more than 10000"},
		{"an id twice", "", batch, "[" + cloudEvent("1", "a.b", "") + "," + cloudEvent("1", "a.b", "") + "]", 400, "event 1: id"},
		{"unknown parameter", "?strem=a", structured, cloudEvent("1", "a.b", ""), 400, "strem is unknown"},
		{"parameter twice", "?stream=a&stream=b", structured, cloudEvent("1", "a.b", ""), 400, "is given 2 times"},
		{"malformed query", "?stream=%zz", structured, cloudEvent("1", "a.b", ""), 400, "malformed"},
		{"bad expect", "?expect=-1", structured, cloudEvent("1", "a.b", ""), 400, "expect"},
		{"expect for two streams", "?expect=none", batch, "[" + cloudEvent("1", "a.b", "") + "," + cloudEvent("2", "a.c", "") + "]", 400, "one stream"},
		{"JSON that is no CloudEvent", "", "application/json", `{"type":"a.b"}`, 415, batch},
		{"unknown format", "", "application/cloudevents+avro", "x", 415, structured},
		{"no content type", "", "", "x", 415, "is missing"},
		{"malformed content type", "", "a/b;;=", "x", 415, "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := newStore(t)
			rep := post(t, newServer(t, server.Config{Store: st}), "/v1/events"+c.target, c.contentType, c.body)
			problem(t, rep, c.status)
			if text, _ := json.Marshal(c.want); !strings.Contains(rep.body, strings.Trim(string(text), `"`)) {
				t.Errorf("the problem does not say %q: %s", c.want, rep.body)
			}
			if records := stored(t, st); len(records) > 0 {
				t.Errorf("stored %+v", records)
			}
		})
	}
}

func TestPostRefusesBinaryModeWithoutVersion(t *testing.T) {
	s := newServer(t, server.Config{})
	rep := send(t, s.Handler(), request{method: http.MethodPost, target: "/v1/events", body: "{}", header: map[string]string{
		"Content-Type": "application/json", "ce-id": "1", "ce-source": "/s", "ce-type": "a.b",
	}})
	if p := problem(t, rep, http.StatusBadRequest); p.Errors[0].Field != "specversion" {
		t.Errorf("errors %+v, want specversion", p.Errors)
	}
}

func TestPostRefusesEncodedBodies(t *testing.T) {
	s := newServer(t, server.Config{})
	rep := send(t, s.Handler(), request{method: http.MethodPost, target: "/v1/events", body: "x", header: map[string]string{
		"Content-Type": structured, "Content-Encoding": "gzip",
	}})
	problem(t, rep, http.StatusUnsupportedMediaType)
}

func TestPostRefusesTypesThatAreNotListed(t *testing.T) {
	st := newStore(t)
	s := newServer(t, server.Config{Store: st, Types: []string{"user.created", "order.placed", "order.paid", "order.shipped"}})
	rep := post(t, s, "/v1/events", batch, "["+cloudEvent("1", "order.paid", "")+","+cloudEvent("2", "order.plced", "")+"]")
	p := problem(t, rep, http.StatusUnprocessableEntity)
	if len(p.Errors) != 1 || *p.Errors[0].Index != 1 || p.Errors[0].Field != "type" || p.Errors[0].Nearest[0] != "order.placed" {
		t.Errorf("errors %+v, want event 1 near order.placed", p.Errors)
	}
	if n := len(stored(t, st)); n != 0 {
		t.Errorf("%d events stored", n)
	}
	decode[server.Receipt](t, post(t, s, "/v1/events", structured, cloudEvent("1", "order.paid", "")), http.StatusCreated)
}

func TestPostTakesOverCorrelationAndTrace(t *testing.T) {
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	st := newStore(t)
	s := newServer(t, server.Config{Store: st})
	send(t, s.Handler(), request{
		method: http.MethodPost, target: "/v1/events",
		body: "[" + cloudEvent("1", "a.b", "") + "," + cloudEvent("2", "a.b", `,"correlationid":"own"`) + "]",
		header: map[string]string{
			"Content-Type": batch, "X-Correlation-ID": "call-1", "traceparent": trace, "tracestate": "a=b",
		},
	})
	records := stored(t, st)
	if got := records[0].CorrelationID.String(); got != "call-1" {
		t.Errorf("correlation %q, want call-1", got)
	}
	if got := records[1].CorrelationID.String(); got != "own" {
		t.Errorf("correlation %q, want own", got)
	}
	if records[0].TraceParent != trace || records[0].TraceState != "a=b" {
		t.Errorf("trace %q %q", records[0].TraceParent, records[0].TraceState)
	}
}

func TestPostIgnoresAMalformedTrace(t *testing.T) {
	st := newStore(t)
	send(t, newServer(t, server.Config{Store: st}).Handler(), request{
		method: http.MethodPost, target: "/v1/events", body: cloudEvent("1", "a.b", ""),
		header: map[string]string{"Content-Type": structured, "traceparent": "nonsense"},
	})
	if r := stored(t, st)[0]; r.TraceParent != "" || r.CorrelationID != r.ID {
		t.Errorf("trace %q, correlation %v", r.TraceParent, r.CorrelationID)
	}
}

// recorder is a publisher that remembers what went through it.
type recorder struct {
	*store.Store
	commits int
}

func (p *recorder) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	p.commits++
	return p.Store.Commit(ctx, c)
}

func TestPostGoesThroughThePublisher(t *testing.T) {
	st := newStore(t)
	through := &recorder{Store: st}
	s := newServer(t, server.Config{Store: st, Publisher: through})
	decode[server.Receipt](t, post(t, s, "/v1/events", structured, cloudEvent("1", "a.b", "")), http.StatusCreated)
	if through.commits != 1 {
		t.Errorf("%d commits through the publisher, want 1", through.commits)
	}
}

func TestPostThatIsCutOffSaysSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := newServer(t, server.Config{}).Handler()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/events", strings.NewReader(cloudEvent("1", "a.b", "")))
	r.Header.Set("Content-Type", structured)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	problem(t, reply{w.Code, w.Header(), w.Body.String()}, http.StatusServiceUnavailable)
}

func FuzzPostIsStoredOrRefused(f *testing.F) {
	f.Add(structured, cloudEvent("1", "a.b", `,"data":{"a":1}`))
	f.Add(batch, "["+cloudEvent("1", "a.b", "")+"]")
	f.Add("text/plain", "x")
	f.Add(structured, `{"specversion":"1.0","id":"1","source":"/s","type":"a.b","stream":"\u0000"}`)
	f.Fuzz(func(t *testing.T, contentType, body string) {
		st := newStore(t)
		rep := post(t, newServer(t, server.Config{Store: st}), "/v1/events", contentType, body)
		n := len(stored(t, st))
		switch {
		case rep.status == http.StatusCreated && n > 0:
		case rep.status >= 400 && rep.status < 500 && n == 0:
			problem(t, rep, rep.status)
		default:
			t.Errorf("status %d with %d events stored: %s", rep.status, n, rep.body)
		}
	})
}
