package httpevent_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/httpevent"
	"github.com/oxbow-events/oxbow/internal/tracecontext"
)

// The ids of a trusted client are the only text of a request that events hold, and at the edge none is.
func TestNothingThatAClientSentIsInTheEvents(t *testing.T) {
	const secret = "hunter2"
	for name, cfg := range map[string]httpevent.Config{"inside": {}, "at the edge": {Edge: true}} {
		for _, end := range []string{"5xx", "panic", "abort", "not found", "other method"} {
			t.Run(name+"/"+end, func(t *testing.T) {
				rec := newRecorder()
				mux := http.NewServeMux()
				mux.HandleFunc("POST /{who}/{rest...}", func(w http.ResponseWriter, r *http.Request) {
					r.ParseForm()
					w.Header().Set("X-Session", secret)
					http.SetCookie(w, &http.Cookie{Name: "session", Value: secret})
					switch end {
					case "panic":
						panic(fmt.Errorf("no such user %s", r.Header.Get("Authorization")))
					case "abort":
						panic(http.ErrAbortHandler)
					}
					http.Error(w, secret, 500)
				})
				panicOf(func() {
					wrap(t, rec, cfg, mux).ServeHTTP(httptest.NewRecorder(), secretRequest(secret, end, cfg.Edge))
				})
				if len(rec.all()) == 0 {
					t.Fatal("there is no event")
				}
				for _, e := range rec.all() {
					if text := written(t, e); strings.Contains(strings.ToLower(text), secret) {
						t.Errorf("the event holds the secret: %s", text)
					}
				}
			})
		}
	}
}

// secretRequest has the secret everywhere.
func secretRequest(secret, end string, edge bool) *http.Request {
	r := httptest.NewRequest("POST", "/"+secret+"/a;"+secret+"?token="+secret+"#"+secret, strings.NewReader("password="+secret))
	r.URL.User = url.UserPassword(secret, secret)
	r.URL.Scheme, r.URL.Host, r.URL.Fragment = secret, secret, secret
	r.RemoteAddr, r.Host, r.Proto = secret, secret, secret
	r.TransferEncoding = []string{secret}
	r.Trailer = http.Header{secret: {secret}}
	r.TLS = &tls.ConnectionState{ServerName: secret, NegotiatedProtocol: secret}
	for _, header := range []string{
		"Authorization", "Cookie", "X-Api-Key", "User-Agent", "Referer", "Origin", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded",
		"Content-Encoding", "Upgrade", "Baggage", "X-Request-Id", "From", secret,
	} {
		r.Header.Set(header, secret)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(secret, secret)
	switch {
	case edge: // where they look like ids
		r.Header.Set("X-Correlation-ID", secret)
		r.Header.Set("traceparent", parent)
		r.Header.Set("tracestate", secret+"="+secret)
	default: // where they do not
		r.Header.Set("X-Correlation-ID", "Bearer "+secret)
		r.Header.Set("traceparent", "00-"+secret)
		r.Header.Set("tracestate", secret+"="+secret)
	}
	switch end {
	case "not found":
		r.URL.Path = "/" + secret
		r.Method = "GET"
	case "other method":
		r.Method = strings.ToUpper(secret)
	}
	return r
}

// written is an event as it is stored, and as Go prints it.
func written(t *testing.T, e event.Event[any]) string {
	t.Helper()
	r, err := new(event.Registry).Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	fmt.Fprintf(&text, "%+v %+v %s", e, r.Metadata, r.Data)
	return text.String()
}

// FuzzHeaders checks that no header of a request makes an event that is refused, or breaks the answer.
func FuzzHeaders(f *testing.F) {
	f.Add("checkout/7", parent, "congo=1", "GET", "/orders")
	f.Add("a\nb", "00-", "=", "get", "/a\x00b")
	f.Add(strings.Repeat("a", 300), parent+"-x", strings.Repeat("a=1,", 300), "", "")
	f.Fuzz(func(t *testing.T, correlation, trace, state, method, path string) {
		rec := newRecorder()
		var broken error
		h := wrap(t, rec, httpevent.Config{
			OnError: func(_ context.Context, err error) { broken = err },
			Route:   func(r *http.Request) string { return r.URL.Path },
		}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := event.New(r.Context(), OrderPlaced{"42"}); err != nil {
				t.Errorf("the handler cannot publish: %v", err)
			}
		}))
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.URL.Path = method, path
		r.Header = http.Header{"X-Correlation-Id": {correlation}, "Traceparent": {trace}, "Tracestate": {state}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if broken != nil || len(rec.all()) != 1 {
			t.Fatalf("%d events: %v", len(rec.all()), broken)
		}
		e := rec.request(t)
		if got := w.Header().Get("X-Correlation-ID"); got != e.CorrelationID.String() || got != correlation && got != e.ID.String() {
			t.Errorf("%q is answered with %q", correlation, got)
		}
		if got := w.Header().Get("traceparent"); len(got) != tracecontext.Size || got != e.TraceParent {
			t.Errorf("%q is answered with %q", trace, got)
		}
	})
}
