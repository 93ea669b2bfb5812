package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/oxbow-events/oxbow/server"
)

func TestMetricsCountWhatHappens(t *testing.T) {
	st := newStore(t)
	s := newServer(t, server.Config{Store: st})
	post(t, s, "/v1/events", structured, cloudEvent("1", "order.placed", ""))
	post(t, s, "/v1/events", structured, cloudEvent("1", "order.placed", ""))
	post(t, s, "/v1/events", batch, "["+cloudEvent("2", "order.placed", "")+","+cloudEvent("3", "order.paid", "")+"]")
	post(t, s, "/v1/events?expect=none", structured, cloudEvent("4", "order.paid", ""))
	send(t, s.Handler(), request{target: "/v1/events/1"})
	send(t, s.Handler(), request{target: "/nowhere"})
	text := send(t, s.Handler(), request{target: "/metrics"}).body
	for _, want := range []string{
		`oxbow_events_appended_total{type="order.placed"} 2`,
		`oxbow_events_appended_total{type="order.paid"} 1`,
		`oxbow_append_duration_seconds_count 4`,
		`oxbow_http_requests_total{route="/v1/events",status="201"} 2`,
		`oxbow_http_requests_total{route="/v1/events",status="200"} 1`,
		`oxbow_http_requests_total{route="/v1/events",status="409"} 1`,
		`oxbow_http_requests_total{route="/v1/events/{id}",status="200"} 1`,
		`oxbow_http_requests_total{route="none",status="404"} 1`,
		`oxbow_head_position 3`,
		`oxbow_sse_followers 0`,
	} {
		if !strings.Contains(text, "\n"+want+"\n") {
			t.Errorf("metrics have no line %s", want)
		}
	}
}

func TestMetricsAreInPrometheusFormat(t *testing.T) {
	s := newServer(t, server.Config{})
	post(t, s, "/v1/events", structured, cloudEvent("1", "order.placed", ""))
	text := send(t, s.Handler(), request{target: "/metrics"}).body
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if !strings.Contains(text, "\ngo_goroutines ") || !strings.Contains(text, "\nprocess_") {
		t.Error("the metrics of the process are missing")
	}
}

func TestMetricsBoundTheNumberOfTypes(t *testing.T) {
	s := newServer(t, server.Config{})
	var events []string
	for i := range 300 {
		events = append(events, cloudEvent(fmt.Sprint(i), fmt.Sprintf("type.n%d", i), ""))
	}
	post(t, s, "/v1/events", batch, "["+strings.Join(events, ",")+"]")
	text := send(t, s.Handler(), request{target: "/metrics"}).body
	if n := strings.Count(text, "\noxbow_events_appended_total{"); n != 201 {
		t.Errorf("%d types, want 200 and other", n)
	}
	if !strings.Contains(text, `oxbow_events_appended_total{type="other"} 100`) {
		t.Error("the other 100 are not counted as other")
	}
}
