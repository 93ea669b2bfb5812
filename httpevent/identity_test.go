package httpevent_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
	"github.com/oxbow-events/oxbow/internal/tracecontext"
)

const (
	theTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	theSpan  = "00f067aa0ba902b7"
	parent   = "00-" + theTrace + "-" + theSpan + "-01"
)

type OrderPlaced struct{ OrderID string }

func (e OrderPlaced) AggregateID() string { return e.OrderID }

// exchange is what became of a request with these headers.
type exchange struct {
	header  http.Header // of the answer
	cause   event.Cause // that the handler had
	request event.Event[httpevent.Request]
	placed  event.Event[any] // what the handler published
}

func exchangeWith(t *testing.T, ctx context.Context, cfg httpevent.Config, headers http.Header) (x exchange) {
	t.Helper()
	rec, orders := newRecorder(), newRecorder()
	h := wrap(t, rec, cfg, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		x.cause, _ = event.CauseFrom(r.Context())
		if err := orders.Publish(r.Context(), OrderPlaced{"42"}); err != nil {
			t.Error(err)
		}
	}))
	w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/orders", nil).WithContext(ctx)
	r.Header = headers
	h.ServeHTTP(w, r)
	x.header, x.request, x.placed = w.Header(), rec.request(t), orders.all()[0]
	return x
}

// expectLinked checks that all sides of the exchange agree.
func (x exchange) expectLinked(t *testing.T) {
	t.Helper()
	if x.placed.CausationID != x.request.ID {
		t.Errorf("the order was caused by %v, want the request %v", x.placed.CausationID, x.request.ID)
	}
	for what, m := range map[string]event.Metadata{"request": x.request.Metadata, "order": x.placed.Metadata} {
		if got := x.header.Values("X-Correlation-ID"); len(got) != 1 || m.CorrelationID.String() != got[0] {
			t.Errorf("the %s has the correlation %v, the answer %q", what, m.CorrelationID, got)
		}
		if got := x.header.Values("traceparent"); len(got) != 1 || m.TraceParent != got[0] {
			t.Errorf("the %s has the trace %v, the answer %q", what, m.TraceParent, got)
		}
		if m.UserID != x.cause.UserID || m.TraceState != x.cause.TraceState {
			t.Errorf("the %s has the user %q and the trace state %q, the cause %+v", what, m.UserID, m.TraceState, x.cause)
		}
	}
	if _, ok := tracecontext.Parse(x.cause.TraceParent); !ok {
		t.Errorf("the trace is %q", x.cause.TraceParent)
	}
}

func TestWhatAHandlerPublishesIsLinkedToTheRequest(t *testing.T) {
	x := exchangeWith(t, t.Context(), httpevent.Config{User: func(*http.Request) string { return "ann" }}, http.Header{})
	x.expectLinked(t)
	if x.request.UserID != "ann" {
		t.Errorf("the user is %q", x.request.UserID)
	}
	if x.request.CorrelationID != x.request.ID {
		t.Errorf("a request that begins a correlation gives it the id %v, want its own, %v", x.request.CorrelationID, x.request.ID)
	}
}

func TestTheHeadersOfARequestAreTakenOver(t *testing.T) {
	x := exchangeWith(t, t.Context(), httpevent.Config{}, http.Header{
		"X-Correlation-Id": {"checkout/7"}, "Traceparent": {parent}, "Tracestate": {"congo=1", "rojo=2"},
	})
	x.expectLinked(t)
	if x.header.Get("X-Correlation-ID") != "checkout/7" || x.cause.TraceState != "congo=1,rojo=2" {
		t.Errorf("the answer has %v, the cause is %+v", x.header, x.cause)
	}
	p, _ := tracecontext.Parse(x.cause.TraceParent)
	if got := p.String(); got[3:35] != theTrace || got[36:52] == theSpan || p.Flags != 1 {
		t.Errorf("the span is %s, want another one of the trace of %s", got, parent)
	}
}

func TestIdsThatAreMalformedAreIgnored(t *testing.T) {
	for name, headers := range map[string]http.Header{
		"an empty correlation":       {"X-Correlation-Id": {""}},
		"a correlation with a space": {"X-Correlation-Id": {"a b"}},
		"a correlation that breaks":  {"X-Correlation-Id": {"a\nb"}},
		"one that is not ASCII":      {"X-Correlation-Id": {"é"}},
		"one with markup":            {"X-Correlation-Id": {"<script>"}},
		"one with a comma":           {"X-Correlation-Id": {"a,b"}},
		"one of 129 bytes":           {"X-Correlation-Id": {strings.Repeat("a", 129)}},
		"two correlations":           {"X-Correlation-Id": {"a", "b"}},
		"a malformed trace":          {"Traceparent": {parent[1:]}, "Tracestate": {"congo=1"}},
		"a trace in upper case":      {"Traceparent": {strings.ToUpper(parent)}, "Tracestate": {"congo=1"}},
		"two traces":                 {"Traceparent": {parent, parent}, "Tracestate": {"congo=1"}},
		"a state without a trace":    {"Tracestate": {"congo=1"}},
		"a malformed state":          {"Traceparent": {parent}, "Tracestate": {"congo=1,congo=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := exchangeWith(t, t.Context(), httpevent.Config{}, headers)
			x.expectLinked(t)
			if x.request.CorrelationID != x.request.ID {
				t.Errorf("the correlation is %v", x.request.CorrelationID)
			}
			if x.cause.TraceState != "" || name != "a malformed state" && x.cause.TraceParent[3:35] == theTrace {
				t.Errorf("the trace is %q, %q", x.cause.TraceParent, x.cause.TraceState)
			}
		})
	}
}

func TestACorrelationOf128SafeCharactersIsTaken(t *testing.T) {
	for _, id := range []string{strings.Repeat("a", 128), "AZaz09-_.:/+=@~", "01936a3e-6c1f-7e2b-9d4c-5b8f2a1c7d90"} {
		x := exchangeWith(t, t.Context(), httpevent.Config{}, http.Header{"X-Correlation-Id": {id}})
		x.expectLinked(t)
		if got := x.header.Get("X-Correlation-ID"); got != id {
			t.Errorf("%q became %q", id, got)
		}
	}
}

func TestAServerAtTheEdgeIgnoresTheIdsOfStrangers(t *testing.T) {
	x := exchangeWith(t, t.Context(), httpevent.Config{Edge: true}, http.Header{
		"X-Correlation-Id": {"checkout/7"}, "Traceparent": {parent}, "Tracestate": {"congo=1"},
	})
	x.expectLinked(t)
	if x.request.CorrelationID != x.request.ID || x.cause.TraceParent[3:35] == theTrace || x.cause.TraceState != "" {
		t.Errorf("the cause is %+v", x.cause)
	}
}

// An outer middleware, such as one for tracing or authentication, has the first word.
func TestTheCauseInTheContextComesBeforeTheHeaders(t *testing.T) {
	outer, err := event.New(t.Context(), event.From("mail.received", nil), event.WithUser("bob"))
	if err != nil {
		t.Fatal(err)
	}
	outer.TraceParent, outer.TraceState = "cc"+parent[2:]+"-later", "rojo=2"
	headers := http.Header{
		"X-Correlation-Id": {"checkout/7"}, "Traceparent": {"00-" + strings.Repeat("1", 32) + "-" + theSpan + "-00"},
	}
	cause := outer.Cause()
	cause.CorrelationID = event.ID{} // then it is the event's id
	ctx := event.WithCause(t.Context(), cause)
	x := exchangeWith(t, ctx, httpevent.Config{Edge: true}, headers)
	x.expectLinked(t)
	if x.request.CausationID != outer.ID || x.request.CorrelationID != outer.ID || x.request.UserID != "bob" {
		t.Errorf("the request is %+v, want it linked to %v", x.request.Metadata, outer.ID)
	}
	if x.cause.TraceParent != parent || x.cause.TraceState != "rojo=2" {
		t.Errorf("the trace is %q, %q, want that of the context", x.cause.TraceParent, x.cause.TraceState)
	}
}

func TestAForeignCorrelationThatIsNoHeaderIsKeptOutOfTheAnswer(t *testing.T) {
	id, err := event.ParseID("Überweisung 7")
	if err != nil {
		t.Fatal(err)
	}
	x := exchangeWith(t, event.WithCause(t.Context(), event.Cause{CorrelationID: id}), httpevent.Config{}, http.Header{})
	if got := x.header.Values("X-Correlation-ID"); got != nil || x.placed.CorrelationID != id {
		t.Errorf("the answer has %q, the order %v", got, x.placed.CorrelationID)
	}
}

func TestAUserThatNoEventCanHoldIsUnknown(t *testing.T) {
	for _, user := range []string{"a\nb", "a\xff", strings.Repeat("a", 256)} {
		var told error
		x := exchangeWith(t, t.Context(), httpevent.Config{
			User:    func(*http.Request) string { return user },
			OnError: func(_ context.Context, err error) { told = err },
		}, http.Header{})
		x.expectLinked(t)
		if x.request.UserID != "" || !errors.Is(told, event.ErrInvalid) {
			t.Errorf("the user %q became %q, and OnError got %v", user, x.request.UserID, told)
		}
	}
}

func TestAnUnknownUserIsTheOneOfTheContext(t *testing.T) {
	for _, user := range []string{"", "a\nb"} {
		x := exchangeWith(t, event.WithCause(t.Context(), event.Cause{UserID: "bob"}), httpevent.Config{
			User:    func(*http.Request) string { return user },
			OnError: func(context.Context, error) {},
		}, http.Header{})
		x.expectLinked(t)
		if x.request.UserID != "bob" {
			t.Errorf("the user %q became %q, want bob", user, x.request.UserID)
		}
	}
}

// A proxy adds the headers of the server behind it.
func TestTheAnswerHasOneValueOfEachHeader(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"status": func(w http.ResponseWriter) { w.WriteHeader(200) },
		"body":   func(w http.ResponseWriter) { w.Write([]byte("x")) },
		"copy":   func(w http.ResponseWriter) { w.(interface{ WriteString(string) (int, error) }).WriteString("x") },
	} {
		t.Run(name, func(t *testing.T) {
			w, rec := httptest.NewRecorder(), newRecorder()
			handle(t, rec, w, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Add("X-Correlation-ID", "theirs")
				w.Header().Add("traceparent", parent)
				answer(w)
			})
			h, e := w.Result().Header, rec.request(t)
			if ids := h.Values("X-Correlation-ID"); len(ids) != 1 || ids[0] != e.CorrelationID.String() {
				t.Errorf("the answer has the correlation %q, want %v alone", ids, e.CorrelationID)
			}
			if traces := h.Values("traceparent"); len(traces) != 1 || traces[0] != e.TraceParent {
				t.Errorf("the answer has the trace %q, want %s alone", traces, e.TraceParent)
			}
		})
	}
}

func TestASkippedRequestMakesNoEventAndKeepsItsIds(t *testing.T) {
	rec := newRecorder()
	var placed event.Event[any]
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(_ http.ResponseWriter, r *http.Request) {
		placed, _ = event.New(r.Context(), OrderPlaced{"42"})
	})
	h := wrap(t, rec, httpevent.Config{Skip: func(r *http.Request) bool { return r.URL.Path == "/health" }}, mux)
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/health", nil)
	r.Header.Set("X-Correlation-ID", "probe-1")
	h.ServeHTTP(w, r)
	if n := len(rec.all()); n != 0 {
		t.Errorf("%d events, want none", n)
	}
	if w.Header().Get("X-Correlation-ID") != "probe-1" || w.Header().Get("traceparent") == "" {
		t.Errorf("the answer has %v", w.Header())
	}
	if placed.CorrelationID.String() != "probe-1" || !placed.CausationID.IsZero() || placed.TraceParent == "" {
		t.Errorf("the order %+v, want it correlated, and caused by no event", placed.Metadata)
	}
	if r.Pattern != "/health" {
		t.Errorf("outer middlewares see the pattern %q", r.Pattern)
	}
}

func TestABusIsAPublisherAndListenersAreLinked(t *testing.T) {
	b := bus.New(bus.Config{})
	rec := newRecorder()
	_, err := bus.Subscribe(b, func(ctx context.Context, e event.Event[httpevent.Request]) error {
		return rec.Publish(ctx, event.From("request.noted", e.ID.String()))
	})
	if err != nil {
		t.Fatal(err)
	}
	wrap(t, b, httpevent.Config{}, http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if noted := rec.all()[0]; noted.CausationID.String() != noted.Data {
		t.Errorf("%+v is not linked to the request", noted)
	}
}

func TestNewRefusesByName(t *testing.T) {
	for field, f := range map[string]func() error{
		"publisher": func() error { _, err := httpevent.New(nil, httpevent.Config{}); return err },
		"source": func() error {
			_, err := httpevent.New(newRecorder(), httpevent.Config{Source: "a\nb"})
			return err
		},
	} {
		invalid, ok := errors.AsType[*event.InvalidError](f())
		if !ok || invalid.Field != field {
			t.Errorf("%s: got %v", field, invalid)
		}
	}
	if panicOf(func() { wrap(t, newRecorder(), httpevent.Config{}, nil) }) == nil {
		t.Error("a nil handler is taken")
	}
}
