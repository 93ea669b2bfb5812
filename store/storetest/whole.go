package storetest

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var whole = []claim{
	{"EveryFieldComesBack", everyField},
	{"NoDataIsNotEmptyData", noDataIsNotEmpty},
	{"TimesKeepEveryNanosecondOfEveryYear", times},
	{"ForeignIdsComeBackLetterForLetter", foreignIDsComeBack},
	{"LongestNamesAreKept", longestNames},
	{"AnyBytesAreData", anyBytes},
	{"LargestCommitIsKept", largestCommit},
	{"LargestDataIsKept", largestData},
}

// kept commits the events, also after reopening reads them back, and reports any difference.
func (t *trial) kept(rs ...event.Record) {
	t.Helper()
	stored := t.placed(rs, t.commit(events(rs...)))
	if t.canReopen() {
		t.reopen()
		t.sameRecords(t.read(store.Query{After: stored[0].Position - 1}), stored, "after reopening")
	}
}

func everyField(t *trial) {
	full := event.Record{
		Metadata: event.Metadata{
			ID: event.NewID(), Type: "order.placed", Version: 3, Topic: "shop.eu.orders", Source: "/shop/berlin?x=1", Subject: "Bestellung 42 ✓",
			Time: noon, CorrelationID: event.NewID(), CausationID: event.NewID(), UserID: "ann@example.org",
			AggregateType: "order", AggregateID: "42/ä", Tags: []string{"customer:7", "région:île", "日本", "customer:7"},
			TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", TraceState: "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
			ContentType: "application/vnd.shop+json; charset=utf-8", DataSchema: "https://example.org/order.json#v3",
			Headers: map[string]string{"a": "1", "Ünïcode": "välue", "empty": "", "lines": "one\ntwo"},
		},
		Place: event.Place{Stream: "order-42"},
		Data:  []byte(`{"total":12345678901234567890.123}`),
	}
	bare := event.Record{
		Metadata: event.Metadata{ID: event.NewID(), Type: "t", Time: noon}, Place: event.Place{Stream: "s"}, Data: []byte{1},
	}
	t.kept(full, bare)
}

func noDataIsNotEmpty(t *trial) {
	none, empty := record("s"), record("s")
	none.Data, empty.Data = nil, []byte{}
	t.kept(none, empty, record("s"))
}

func times(t *trial) {
	var rs []event.Record
	for _, at := range []time.Time{
		time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		time.Unix(0, 0).UTC(),
		time.Date(2026, 11, 2, 1, 2, 3, 123_456_789, time.UTC),
		time.Date(2262, 4, 11, 23, 47, 16, 854_775_808, time.UTC), // one more than 64 bits of nanoseconds hold
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	} {
		r := record("s")
		r.Time = at
		rs = append(rs, r)
	}
	t.kept(rs...)
}

func foreignIDsComeBack(t *trial) {
	var rs []event.Record
	for i, text := range []string{
		"1", " 1", "order/42", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
		"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "日本", strings.Repeat("x", event.MaxName),
	} {
		id, err := event.ParseID(text)
		if err != nil {
			t.Fatal(err)
		}
		r := record(fmt.Sprint("s", i%2))
		r.ID, r.CorrelationID, r.CausationID = id, id, id
		rs = append(rs, r)
	}
	t.kept(rs...)
	for _, r := range rs {
		for _, f := range []store.Filter{{ID: r.ID}, {Correlation: r.ID}} {
			if found := t.read(store.Where(f)); len(found) != 1 || found[0].ID != r.ID {
				t.Errorf("%+v finds %q, want %q", f, ids(found), r.ID)
			}
		}
	}
}

func longestNames(t *trial) {
	r := record(strings.Repeat("ß", event.MaxName/2) + "s")
	r.Type = strings.Repeat("t", event.MaxName)
	r.Topic = strings.Repeat("a.", event.MaxName/2) + "z"
	r.Source = strings.Repeat("s", 4096)
	r.Headers = map[string]string{}
	for i := range event.MaxTags {
		r.Tags = append(r.Tags, fmt.Sprintf("%03d%s", i, strings.Repeat("g", event.MaxName-3)))
		r.Headers[fmt.Sprintf("%03d%s", i, strings.Repeat("h", event.MaxName-3))] = strings.Repeat("v", 4096)
	}
	t.kept(r)
	found := t.read(store.Where(store.Filter{Stream: r.Stream, Types: []string{r.Type}, Tags: r.Tags}))
	if len(found) != 1 {
		t.Errorf("the longest names find %d records, want 1", len(found))
	}
}

func anyBytes(t *trial) {
	r := record("s")
	r.ContentType = "application/octet-stream"
	r.Data = pattern(1 << 16)
	zeros := record("s")
	zeros.Data = make([]byte, 5000)
	t.kept(r, zeros)
}

func largestCommit(t *trial) {
	rs := records("s", store.MaxEvents)
	for i := range rs {
		rs[i].Stream = fmt.Sprint("s", i%100)
	}
	r := t.commit(events(rs...))
	t.placed(rs, r)
	if len(r.Revisions) != 100 || r.Revisions["s7"] != store.MaxEvents/100 {
		t.Errorf("the receipt has %d revisions, that of s7 is %d", len(r.Revisions), r.Revisions["s7"])
	}
	t.sameReceipt(t.commit(events(rs...)), r)
}

func largestData(t *trial) {
	r := record("s")
	r.Data = pattern(store.MaxData)
	receipt := t.commit(events(record("s"), r, record("s")))
	stored := t.read(store.Query{After: receipt.First - 1})
	if len(stored) != 3 || !bytes.Equal(stored[1].Data, r.Data) {
		t.Errorf("%d bytes of data came back changed", len(r.Data))
	}
}
