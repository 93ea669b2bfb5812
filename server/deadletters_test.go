package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
)

// park makes dead letters of a consumer at the positions 1, 2, 3…, one for each key.
func park(t *testing.T, st *store.Store, consumer string, keys ...string) {
	t.Helper()
	var c parked.Change
	seen := map[string]bool{}
	for i, key := range keys {
		p := event.Position(i + 1)
		l := parked.Letter{
			Record: event.Record{
				Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", Version: 1},
				Place:    event.Place{Stream: key, Revision: 1, Position: p},
				Data:     fmt.Appendf(nil, `{"n": %d, "t": "<b>"}`, p),
			},
			Key: key, State: parked.Failed, Error: "card refused", Stack: "goroutine 1", Attempts: 10,
			First: time.Date(2026, 1, 2, 12, i, 0, 0, time.UTC), Last: time.Date(2026, 1, 2, 13, i, 0, 0, time.UTC),
		}
		if seen[key] {
			l.State = parked.Waiting
		}
		seen[key] = true
		c.Park = append(c.Park, l)
	}
	w, err := parked.Writes(consumer, parked.Count{}, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(t.Context(), store.Commit{Items: w.Items, Conditions: w.Conditions}); err != nil {
		t.Fatal(err)
	}
}

func newLetterServer(t *testing.T, keys ...string) (http.Handler, *store.Store) {
	t.Helper()
	st := newStore(t)
	park(t, st, "billing", keys...)
	return newServer(t, server.Config{Store: st}).Handler(), st
}

func do(t *testing.T, h http.Handler, method, target string, body any) reply {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, h, request{method: method, target: target, header: map[string]string{"Content-Type": "application/json"}, body: string(text)})
}

func TestGetDeadLettersCountsThemByConsumer(t *testing.T) {
	h, st := newLetterServer(t, "a", "a", "b")
	park(t, st, "mail/eu", "x")
	if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(parked.CountBucket, "zeta", []byte("?"))}}); err != nil {
		t.Fatal(err)
	}
	page := decode[server.ConsumerPage](t, send(t, h, request{target: "/v1/deadletters?limit=2"}), 200)
	if c := page.Consumers; len(c) != 2 || c[0].Name != "billing" || c[0].Letters != 3 || c[0].Failed != 2 || c[1].Name != "mail/eu" || page.Next == nil {
		t.Fatalf("the page is %+v", page)
	}
	page = decode[server.ConsumerPage](t, send(t, h, request{target: *page.Next}), 200)
	if c := page.Consumers; len(c) != 1 || c[0].Name != "zeta" || !strings.Contains(c[0].Damage, "is damaged") || page.Next != nil {
		t.Errorf("the last page is %+v", page)
	}
	if one := decode[server.LetterPage](t, send(t, h, request{target: "/v1/deadletters/mail%2Feu"}), 200); len(one.Letters) != 1 {
		t.Errorf("a consumer with a slash has %+v", one)
	}
}

func positions(page server.LetterPage) string {
	var all []string
	for _, l := range page.Letters {
		all = append(all, fmt.Sprint(l.Record.Position))
	}
	return strings.Join(all, " ")
}

func TestGetLettersFiltersAndPages(t *testing.T) {
	h, _ := newLetterServer(t, "a", "b", "a", "c", "a")
	for _, c := range []struct{ query, want string }{
		{"", "1 2 3 4 5"},
		{"?key=a", "1 3 5"},
		{"?stream=b", "2"},
		{"?type=order.placed&type=x&limit=2", "1 2"},
		{"?type=x", ""},
		{"?error=REFUSED&after=3", "4 5"},
		{"?state=waiting", "3 5"},
		{"?position=4", "4"},
		{"?after=1&before=4", "2 3"},
		{"?since=2026-01-02T12:03:00Z", "4 5"},
		{"?until=2026-01-02T12:01:00Z", "1"},
		{"?cursor=3", "4 5"},
	} {
		page := decode[server.LetterPage](t, send(t, h, request{target: "/v1/deadletters/billing" + c.query}), 200)
		if got := positions(page); got != c.want || page.Count.Letters != 5 || page.Count.Failed != 3 {
			t.Errorf("%s gives %s of %+v, want %s", c.query, got, page.Count, c.want)
		}
	}
	var all []string
	for next := "/v1/deadletters/billing?limit=2&error=card"; next != ""; {
		page := decode[server.LetterPage](t, send(t, h, request{target: next}), 200)
		all = append(all, positions(page))
		if next = ""; page.Next != nil {
			next = *page.Next
		}
	}
	if got := strings.Join(all, "|"); got != "1 2|3 4|5" {
		t.Errorf("the pages are %s", got)
	}
	if empty := decode[server.LetterPage](t, send(t, h, request{target: "/v1/deadletters/nobody"}), 200); empty.Letters == nil || len(empty.Letters) != 0 {
		t.Errorf("a consumer without letters has %+v", empty)
	}
}

func TestBadRequestsForDeadLettersAreNamed(t *testing.T) {
	h, _ := newLetterServer(t, "a")
	long := strings.Repeat("n", 201)
	for _, c := range []struct{ method, target, body, name string }{
		{"GET", "/v1/deadletters?before=1", "", "before"},
		{"GET", "/v1/deadletters/" + long, "", "consumer"},
		{"GET", "/v1/deadletters/billing?state=dead", "", "state"},
		{"GET", "/v1/deadletters/billing?type=a..b", "", "type"},
		{"GET", "/v1/deadletters/billing?since=yesterday", "", "since"},
		{"GET", "/v1/deadletters/billing?after=3&before=3", "", "before"},
		{"GET", "/v1/deadletters/billing?limit=0", "", "limit"},
		{"GET", "/v1/deadletters/billing?keys=a", "", "keys"},
		{"GET", "/v1/deadletters/billing/first", "", "position"},
		{"GET", "/v1/deadletters/billing/0", "", "position"},
		{"GET", "/v1/deadletters/billing/1/data?edits=-1", "", "edits"},
		{"GET", "/v1/deadletters/billing/1/data?edits=1", "", "edits"},
		{"PATCH", "/v1/deadletters/billing/1", `{"data":{},"why":"w"}`, "by"},
		{"PATCH", "/v1/deadletters/billing/1", `{"data":{},"by":"ann"}`, "why"},
		{"PATCH", "/v1/deadletters/billing/1", `{"by":"ann","why":"w"}`, "data"},
		{"PATCH", "/v1/deadletters/billing/1", `{"data":1,"data_base64":"eA==","by":"ann","why":"w"}`, "data"},
		{"PATCH", "/v1/deadletters/billing/1", `{"data_base64":"eA==","by":"ann","why":"w"}`, "data"},
		{"PATCH", "/v1/deadletters/billing/1", `{"dta":{}}`, "dta"},
		{"PATCH", "/v1/deadletters/billing/1", `{"by":7}`, "by"},
		{"PATCH", "/v1/deadletters/billing/1", `{`, "body"},
		{"PATCH", "/v1/deadletters/billing/1", `{} {}`, "body"},
		{"POST", "/v1/deadletters/billing/redrive", `{"by":"ann"}`, "filter"},
		{"POST", "/v1/deadletters/billing/redrive", `{"all":true}`, "by"},
		{"POST", "/v1/deadletters/billing/redrive", `{"filter":{"state":"dead"},"by":"ann"}`, "state"},
		{"POST", "/v1/deadletters/billing/redrive", `{"filter":{"ky":"a"},"by":"ann"}`, "ky"},
		{"POST", "/v1/deadletters/billing/redrive", `{"all":true,"by":"ann","limit":5000}`, "limit"},
		{"POST", "/v1/deadletters/billing/discard", `{"filter":{"key":"a"},"by":"ann"}`, "why"},
		{"POST", "/v1/deadletters/billing/discard?all=true", `{"by":"ann"}`, "all"},
	} {
		p := problem(t, send(t, h, request{
			method: c.method, target: c.target, body: c.body, header: map[string]string{"Content-Type": "application/json"},
		}), 400)
		if len(p.Errors) != 1 || p.Errors[0].Field+p.Errors[0].Parameter != c.name {
			t.Errorf("%s %s %s: %+v, want a fault of %s", c.method, c.target, c.body, p, c.name)
		}
	}
	problem(t, send(t, h, request{target: "/v1/deadletters/billing/7"}), 404)
	problem(t, send(t, h, request{target: "/v1/deadletters/billing/7/data"}), 404)
	problem(t, do(t, h, "PATCH", "/v1/deadletters/billing/7", server.LetterEdit{Data: []byte("1"), By: "ann", Why: "w"}), 404)
	problem(t, send(t, h, request{method: "POST", target: "/v1/deadletters/billing/redrive", body: `{"all":true,"by":"ann"}`}), 415)
	problem(t, send(t, h, request{method: "DELETE", target: "/v1/deadletters/billing/1"}), 405)
}

func TestOtherOriginsMayNotTouchDeadLetters(t *testing.T) {
	h, st := newLetterServer(t, "a")
	for _, c := range []struct{ method, target, body string }{
		{"PATCH", "/v1/deadletters/billing/1", `{"data":1,"by":"ann","why":"w"}`},
		{"POST", "/v1/deadletters/billing/redrive", `{"all":true,"by":"ann"}`},
		{"POST", "/v1/deadletters/billing/discard", `{"all":true,"by":"ann","why":"w"}`},
	} {
		rep := send(t, h, request{method: c.method, target: c.target, body: c.body, header: map[string]string{
			"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example",
		}})
		problem(t, rep, 403)
	}
	letters, err := deadletter.New(st, "billing")
	if err != nil {
		t.Fatal(err)
	}
	if l, err := letters.Get(t.Context(), 1); err != nil || len(l.Edits) != 0 || l.Requested {
		t.Errorf("the letter is %+v (%v)", l, err)
	}
}

func TestBodiesForDeadLettersHaveALimit(t *testing.T) {
	st := newStore(t)
	park(t, st, "billing", "a")
	h := newServer(t, server.Config{Store: st, MaxBodyBytes: 100}).Handler()
	rep := do(t, h, "PATCH", "/v1/deadletters/billing/1", server.LetterEdit{Data: []byte(`"` + strings.Repeat("x", 100) + `"`), By: "ann", Why: "w"})
	if p := problem(t, rep, 413); p.Limit != 100 {
		t.Errorf("the limit is told as %d", p.Limit)
	}
}

func TestALetterIsShownAndEdited(t *testing.T) {
	h, _ := newLetterServer(t, "a", "a")
	l := decode[deadletter.Letter](t, send(t, h, request{target: "/v1/deadletters/billing/2"}), 200)
	if l.Behind != 1 || l.State != deadletter.Waiting || l.Stack != "goroutine 1" || l.Attempts != 10 || string(l.Record.Data) != `{"n":2,"t":"<b>"}` {
		t.Errorf("the letter is %+v with %s", l, l.Record.Data)
	}
	rep := send(t, h, request{target: "/v1/deadletters/billing/2/data"})
	if rep.body != `{"n": 2, "t": "<b>"}` || rep.header.Get("Content-Type") != "application/octet-stream" || rep.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the data are %s with %v", rep.body, rep.header)
	}
	e := server.LetterEdit{Data: []byte(`{"n": 3}`), Headers: map[string]string{"h": "1"}, By: "ann", Why: "typo", Revision: l.Revision}
	edited := decode[deadletter.Letter](t, do(t, h, "PATCH", "/v1/deadletters/billing/2", e), 200)
	if len(edited.Edits) != 1 || edited.Edits[0].By != "ann" || edited.Record.Headers["h"] != "1" || edited.Revision <= l.Revision {
		t.Errorf("the edited letter is %+v", edited)
	}
	if p := problem(t, do(t, h, "PATCH", "/v1/deadletters/billing/2", e), 409); !strings.Contains(p.Detail, "look at it again") {
		t.Errorf("an edit of what changed since: %+v", p)
	}
	if rep = send(t, h, request{target: "/v1/deadletters/billing/2/data?edits=0"}); rep.body != `{"n": 2, "t": "<b>"}` {
		t.Errorf("the data before were %s", rep.body)
	}
	j := decode[deadletter.JournalPage](t, send(t, h, request{target: "/v1/deadletters/billing/journal?limit=1"}), 200)
	if len(j.Entries) != 1 || j.Entries[0].Action != deadletter.Edited || j.Entries[0].Why != "typo" || j.Next != 0 {
		t.Errorf("the journal is %+v", j)
	}
}

func TestARedriveGoesOnFromPageToPage(t *testing.T) {
	var keys []string
	for i := range 10 {
		keys = append(keys, fmt.Sprint(i), fmt.Sprint(i))
	}
	h, st := newLetterServer(t, keys...)
	action := server.LetterAction{All: true, By: "ann", Limit: 4}
	var total deadletter.Report
	requests := 0
	for {
		report := decode[deadletter.Report](t, do(t, h, "POST", "/v1/deadletters/billing/redrive", action), 200)
		total.Add(report)
		requests++
		if again := decode[deadletter.Report](t, do(t, h, "POST", "/v1/deadletters/billing/redrive", action), 200); again.Keys > 4 || again.Already < report.Keys {
			t.Errorf("sent again: %+v", again) // as after a broken connection
		}
		if action.Cursor = report.Next; action.Cursor == 0 {
			break
		}
	}
	if total.Letters != 20 || total.Keys == 0 || requests < 2 {
		t.Errorf("%+v in %d requests", total, requests)
	}
	letters, _ := deadletter.New(st, "billing")
	for p := event.Position(1); p <= 20; p++ {
		if l, err := letters.Get(t.Context(), p); err != nil || !l.Requested {
			t.Errorf("letter %d is %+v (%v)", p, l, err)
		}
	}
}

func TestADiscardTellsWhatItDid(t *testing.T) {
	h, _ := newLetterServer(t, "a", "a", "b")
	dry := server.LetterAction{Filter: deadletter.Filter{Key: "a", Before: 2}, By: "ann", Why: "test", DryRun: true}
	report := decode[deadletter.Report](t, do(t, h, "POST", "/v1/deadletters/billing/discard", dry), 200)
	if report.Letters != 1 || report.Keys != 1 || !report.DryRun {
		t.Errorf("the dry run reports %+v", report)
	}
	dry.DryRun = false
	if report = decode[deadletter.Report](t, do(t, h, "POST", "/v1/deadletters/billing/discard", dry), 200); report.Letters != 1 || report.DryRun {
		t.Errorf("the discard reports %+v", report)
	}
	page := decode[server.LetterPage](t, send(t, h, request{target: "/v1/deadletters/billing"}), 200)
	if positions(page) != "2 3" || page.Count.Letters != 2 {
		t.Errorf("left are %s, %+v", positions(page), page.Count)
	}
}

func TestADamagedLetterIsToldOf(t *testing.T) {
	h, st := newLetterServer(t, "a", "b")
	if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(parked.Letters("billing"), parked.LetterKey(1), []byte("?"))}}); err != nil {
		t.Fatal(err)
	}
	page := decode[server.LetterPage](t, send(t, h, request{target: "/v1/deadletters/billing"}), 200)
	if positions(page) != "2" || len(page.Damaged) != 1 || page.Damaged[0].Position != 1 || page.Damaged[0].Key != parked.LetterKey(1) || page.Damaged[0].Reason == "" {
		t.Errorf("the page is %+v", page)
	}
	if p := problem(t, send(t, h, request{target: "/v1/deadletters/billing/1"}), 500); p.Position != 1 || !strings.Contains(p.Type, "damaged-dead-letter") {
		t.Errorf("the problem is %+v", p)
	}
}

func TestLettersOfConsumersWithOddNamesAreReached(t *testing.T) {
	st := newStore(t)
	h := newServer(t, server.Config{Store: st}).Handler()
	for _, consumer := range []string{"journal", "a b", "a/b", "..%2f", "é?#&"} {
		park(t, st, consumer, "k")
		page := decode[server.LetterPage](t, send(t, h, request{target: "/v1/deadletters/" + url.PathEscape(consumer)}), 200)
		if positions(page) != "1" {
			t.Errorf("%q has %+v", consumer, page)
		}
	}
}
