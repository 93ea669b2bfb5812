package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var badInput = []claim{
	{"BadEventsAreRefusedByName", badEvents},
	{"BadItemsAreRefusedByName", badItems},
	{"BadConditionsAreRefusedByName", badConditions},
	{"BadCommitsAreRefusedByName", badCommits},
	{"BadQueriesAreRefusedByName", badQueries},
	{"RefusedIdsStayFree", refusedIDsStayFree},
}

// invalid is refused with an error that names the field.
func (t *trial) invalid(c store.Commit, field string) {
	t.Helper()
	err := t.refused(c, event.ErrInvalid)
	var facts *event.InvalidError
	if !errors.As(err, &facts) || facts.Field != field || !strings.Contains(err.Error(), field) {
		t.Errorf("the refusal is %q, want one that names %s", err, field)
	}
}

var (
	long  = strings.Repeat("x", event.MaxName+1)
	large = make([]byte, store.MaxData+1)
)

// badEvents sends each bad event after a good one, with an item: none of them may be written.
func badEvents(t *trial) {
	for _, bad := range []struct {
		field string
		edit  func(r *event.Record)
	}{
		{"stream", func(r *event.Record) { r.Stream = "" }},
		{"stream", func(r *event.Record) { r.Stream = "order\n42" }},
		{"stream", func(r *event.Record) { r.Stream = "order\x0042" }},
		{"stream", func(r *event.Record) { r.Stream = "order\xff" }},
		{"stream", func(r *event.Record) { r.Stream = long }},
		{"id", func(r *event.Record) { r.ID = event.ID{} }},
		{"type", func(r *event.Record) { r.Type = "" }},
		{"type", func(r *event.Record) { r.Type = "order placed" }},
		{"type", func(r *event.Record) { r.Type = "order..placed" }},
		{"type", func(r *event.Record) { r.Type = ".order" }},
		{"type", func(r *event.Record) { r.Type = "order.*" }},
		{"type", func(r *event.Record) { r.Type = "\xc3\x28" }},
		{"type", func(r *event.Record) { r.Type = long }},
		{"topic", func(r *event.Record) { r.Topic = "orders.**" }},
		{"version", func(r *event.Record) { r.Version = -1 }},
		{"time", func(r *event.Record) { r.Time = time.Time{} }},
		{"time", func(r *event.Record) { r.Time = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) }},
		{"source", func(r *event.Record) { r.Source = "/a\tb" }},
		{"subject", func(r *event.Record) { r.Subject = "\xff" }},
		{"user id", func(r *event.Record) { r.UserID = "a\x7f" }},
		{"aggregate id", func(r *event.Record) { r.AggregateID = strings.Repeat("x", 5000) }},
		{"traceparent", func(r *event.Record) { r.TraceParent = "00\n" }},
		{"content type", func(r *event.Record) { r.ContentType = "text/plain\r\n" }},
		{"tags[1]", func(r *event.Record) { r.Tags = []string{"fine", ""} }},
		{"tags[0]", func(r *event.Record) { r.Tags = []string{"a,b"} }},
		{"tags[0]", func(r *event.Record) { r.Tags = []string{"a\nb"} }},
		{"tags[0]", func(r *event.Record) { r.Tags = []string{long} }},
		{"tags", func(r *event.Record) { r.Tags = slices.Repeat([]string{"t"}, event.MaxTags+1) }},
		{"header name", func(r *event.Record) { r.Headers = map[string]string{"": "v"} }},
		{"header name", func(r *event.Record) { r.Headers = map[string]string{"a\nb": "v"} }},
		{"header h", func(r *event.Record) { r.Headers = map[string]string{"h": "\xff"} }},
		{"data", func(r *event.Record) { r.Data = large }},
	} {
		r := record("bad")
		bad.edit(&r)
		c := store.Commit{Events: []event.Record{record("good"), r}, Items: []store.ItemWrite{store.Put(things, "k", nil)}}
		t.invalid(c, "events[1]."+bad.field)
	}
}

func badItems(t *trial) {
	for _, bad := range []struct {
		field string
		write store.ItemWrite
	}{
		{"bucket", store.Put("", "k", nil)},
		{"bucket", store.Put("a\nb", "k", nil)},
		{"bucket", store.Put(long, "k", nil)},
		{"key", store.Put(things, "", nil)},
		{"key", store.Delete(things, "")},
		{"key", store.Put(things, "a\x00b", nil)},
		{"key", store.Put(things, "\xff", nil)},
		{"key", store.Put(things, strings.Repeat("x", 1025), nil)},
		{"key", store.Put(things, "good", nil)}, // twice
		{"key", store.Delete(things, "good")},   // put and deleted
		{"value", store.Put(things, "k", large)},
	} {
		c := store.Commit{
			Events: []event.Record{record("good")}, Items: []store.ItemWrite{store.Put(things, "good", nil), bad.write},
		}
		t.invalid(c, "items[1]."+bad.field)
	}
}

func badConditions(t *trial) {
	for _, bad := range []struct {
		field     string
		condition store.Condition
	}{
		{"expect", store.Condition{Stream: "s"}},
		{"expect", store.Condition{Stream: "s", Expect: 99}},
		{"stream", store.AtRevision("", 1)},
		{"stream", store.NoStream("a\nb")},
		{"stream", store.StreamExists("\xff")},
		{"bucket", store.ItemAt("", "k", 0)},
		{"key", store.ItemAt(things, "", 0)},
		{"filters", store.NoneAfter(0)},
		{"filters[1].types[0]", store.NoneAfter(0, store.Filter{Stream: "s"}, store.Filter{Types: []string{"a b"}})},
		{"filters[0].after revision", store.NoneAfter(0, store.Filter{AfterRevision: 1})},
	} {
		c := given(store.NoStream("good"), bad.condition)
		t.invalid(c, "conditions[1]."+bad.field)
	}
}

func badCommits(t *trial) {
	t.invalid(store.Commit{}, "commit")
	t.invalid(store.Commit{Conditions: []store.Condition{store.NoStream("s")}}, "commit")
	t.invalid(events(records("s", store.MaxEvents+1)...), "events")
	t.invalid(puts(manyItems(things, store.MaxItems+1)...), "items")

	twice := record("a")
	again := record("b")
	again.ID = twice.ID
	t.invalid(events(twice, record("a"), again), "events[2].id")

	heavy := records("s", store.MaxCommit/store.MaxData+1)
	for i := range heavy {
		heavy[i].Data = large[:store.MaxData]
	}
	t.invalid(events(heavy...), "commit")
}

func badQueries(t *trial) {
	t.commit(events(record("s")))
	for _, bad := range []struct {
		field string
		query store.Query
	}{
		{"limit", store.Query{Limit: -1}},
		{"any[0].stream", store.Stream("a\nb")},
		{"any[0].stream prefix", store.Where(store.Filter{StreamPrefix: "\xff"})},
		{"any[1].after revision", store.Where(store.Filter{}, store.Filter{AfterRevision: 2})},
		{"any[0].types[0]", store.Where(store.Filter{Types: []string{"a..b"}})},
		{"any[0].tags[1]", store.Where(store.Filter{Tags: []string{"a", ""}})},
	} {
		rs, err := collect(t.d.Read(t.ctx, bad.query))
		var facts *event.InvalidError
		if !errors.As(err, &facts) || facts.Field != bad.field || len(rs) > 0 {
			t.Errorf("reading %+v gave %d records and %v, want a refusal that names %s", bad.query, len(rs), err, bad.field)
		}
	}
}

func refusedIDsStayFree(t *trial) {
	good, bad := record("s"), record("s")
	bad.Type = "no type"
	t.invalid(events(good, bad), "events[1].type")
	bad.Type = "a.type"
	if r := t.commit(events(good, bad)); r.Repeated {
		t.Error("the ids of a refused commit were kept")
	}
}

// manyItems returns n writes with keys in order.
func manyItems(bucket string, n int) []store.ItemWrite {
	writes := make([]store.ItemWrite, n)
	for i := range writes {
		writes[i] = store.Put(bucket, fmt.Sprintf("%06d", i), fmt.Append(nil, i))
	}
	return writes
}
