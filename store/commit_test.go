package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

func record(stream string) event.Record {
	return event.Record{
		Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", Version: 1, Time: time.Unix(1, 0).UTC()},
		Place:    event.Place{Stream: stream},
	}
}

func TestCheckAcceptsWhatIsWithinTheLimits(t *testing.T) {
	full := record("s")
	full.Data = make([]byte, store.MaxData)
	largest := store.Commit{}
	for range store.MaxEvents {
		largest.Events = append(largest.Events, record("s"))
	}
	for i := range store.MaxItems {
		largest.Items = append(largest.Items, store.Put("b", fmt.Sprint(i), nil))
	}
	for name, c := range map[string]store.Commit{
		"one event":                 {Events: []event.Record{record("s")}},
		"largest data":              {Events: []event.Record{full, full}[:1], Items: []store.ItemWrite{store.Put("b", "k", make([]byte, store.MaxData))}},
		"most of all":               largest,
		"longest key":               {Items: []store.ItemWrite{store.Put(strings.Repeat("b", 255), strings.Repeat("k", 1024), nil)}},
		"same key in other buckets": {Items: []store.ItemWrite{store.Put("a", "k", nil), store.Put("b", "k", nil)}},
		"every condition": {Events: []event.Record{record("s")}, Conditions: []store.Condition{
			store.AtRevision("s", 1), store.NoStream("s"), store.StreamExists("s"), store.ItemAt("b", "k", 0),
			store.NoneAfter(1, store.Filter{}, store.Filter{Stream: "s", AfterRevision: 1}),
		}},
	} {
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCheckSaysWhatToMend shows the words; storetest checks every field on every driver.
func TestCheckSaysWhatToMend(t *testing.T) {
	twice := record("s")
	no := func(edit func(r *event.Record)) store.Commit {
		r := record("s")
		edit(&r)
		return store.Commit{Events: []event.Record{record("s"), r}}
	}
	for want, c := range map[string]store.Commit{
		"commit: has neither events nor items":                                             {},
		"events[1].stream: is empty":                                                       no(func(r *event.Record) { r.Stream = "" }),
		`events[1].stream: has the control character "\n" at byte 5; remove it`:            no(func(r *event.Record) { r.Stream = "order\n42" }),
		"events[1].id: is missing":                                                         no(func(r *event.Record) { r.ID = event.ID{} }),
		"events[1].time: is missing":                                                       no(func(r *event.Record) { r.Time = time.Time{} }),
		`events[1].type: "a b" has a " " at byte 1; use letters, digits, dots and hyphens`: no(func(r *event.Record) { r.Type = "a b" }),
		"events[1].tags[1]: is empty":                                                      no(func(r *event.Record) { r.Tags = []string{"a", ""} }),
		"events[1].data: has 16777217 bytes, the limit is 16777216":                        no(func(r *event.Record) { r.Data = make([]byte, store.MaxData+1) }),
		"events[1].id: " + twice.ID.String() + " occurs twice in the commit":               {Events: []event.Record{twice, twice}},
		"events: there are 10001 in one commit, the limit is 10000":                        {Events: make([]event.Record, store.MaxEvents+1)},
		"items: there are 10001 in one commit, the limit is 10000":                         {Items: make([]store.ItemWrite, store.MaxItems+1)},
		"items[0].bucket: is empty":                                                        {Items: []store.ItemWrite{store.Put("", "k", nil)}},
		"items[0].key: is empty":                                                           {Items: []store.ItemWrite{store.Put("b", "", nil)}},
		"items[0].key: is 1025 bytes long, the limit is 1024":                              {Items: []store.ItemWrite{store.Put("b", strings.Repeat("k", 1025), nil)}},
		`items[1].key: "k" occurs twice in the commit`:                                     {Items: []store.ItemWrite{store.Put("b", "k", nil), store.Delete("b", "k")}},
		"items[0].value: has 16777217 bytes, the limit is 16777216":                        {Items: []store.ItemWrite{store.Put("b", "k", make([]byte, store.MaxData+1))}},
		"conditions[0].expect: 0 is no kind of condition":                                  {Items: []store.ItemWrite{store.Put("b", "k", nil)}, Conditions: make([]store.Condition, 1)},
		"conditions[0].filters: are missing; a condition on every record would always fail": {
			Items: []store.ItemWrite{store.Put("b", "k", nil)}, Conditions: []store.Condition{store.NoneAfter(7)},
		},
		"conditions[0].filters[0].tags[0]: is empty": {
			Items: []store.ItemWrite{store.Put("b", "k", nil)}, Conditions: []store.Condition{store.NoneAfter(7, store.Filter{Tags: []string{""}})},
		},
	} {
		if err := c.Check(); !errors.Is(err, event.ErrInvalid) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestCommitsHaveALimitThatCountsEveryText(t *testing.T) {
	text, large := strings.Repeat("x", 4096), make([]byte, 7000)
	for name, edit := range map[string]func(r *event.Record){
		"data":         func(r *event.Record) { r.Data = large },
		"source":       func(r *event.Record) { r.Source = text },
		"subject":      func(r *event.Record) { r.Subject = text },
		"user":         func(r *event.Record) { r.UserID = text },
		"aggregate":    func(r *event.Record) { r.AggregateType, r.AggregateID = text[:2048], text[:2048] },
		"trace":        func(r *event.Record) { r.TraceParent, r.TraceState = text[:2048], text[:2048] },
		"content type": func(r *event.Record) { r.ContentType = text },
		"schema":       func(r *event.Record) { r.DataSchema = text },
		"headers":      func(r *event.Record) { r.Headers = map[string]string{"a": text} },
		"tags": func(r *event.Record) {
			for range 17 {
				r.Tags = append(r.Tags, text[:255])
			}
		},
	} {
		data := make([]byte, 2600)
		var c store.Commit
		for range store.MaxEvents {
			r := record("s")
			r.Data = data
			edit(&r)
			c.Events = append(c.Events, r)
		}
		err := c.Check()
		if !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), "commit: has ") ||
			!strings.HasSuffix(err.Error(), "bytes, the limit is 67108864; split it") {
			t.Errorf("%s: got %v, want a refusal of the size", name, err)
		}
	}
}

func TestConflictsSayWhatWasExpectedAndFound(t *testing.T) {
	at, exists := store.AtRevision("order-42", 3), store.StreamExists("order-42")
	none, item, match := store.NoStream("order-42"), store.ItemAt("carts", "7", 5), store.NoneAfter(9, store.Filter{})
	for want, err := range map[string]error{
		`conflict: stream "order-42": expected revision 3, found revision 4`:            at.Conflict(4),
		`conflict: stream "order-42": expected revision 3, found none`:                  at.Conflict(0),
		`conflict: stream "order-42": expected none, found revision 1`:                  none.Conflict(1),
		`conflict: stream "order-42": expected an existing one, found none`:             exists.Conflict(0),
		`conflict: item "7" in "carts": expected revision 5, found none`:                item.ItemConflict(0),
		`conflict: query: expected no match after position 9, found one at position 12`: match.MatchConflict(12),
		`conflict: event "e1": expected a new id or its whole commit again, found that id in stream "order-7" at position 2`: store.DuplicateError(
			foreignID(t, "e1"), "order-42", "order-7", 2,
		),
	} {
		if !errors.Is(err, store.ErrConflict) || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	for _, err := range []error{at.Conflict(3), none.Conflict(0), exists.Conflict(1), item.ItemConflict(5)} {
		if err != nil {
			t.Errorf("a condition that holds gives %v", err)
		}
	}
}

func foreignID(t *testing.T, text string) event.ID {
	t.Helper()
	id, err := event.ParseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestConflictsCarryTheFacts(t *testing.T) {
	c := store.AtRevision("order-42", 3)
	var facts *store.ConflictError
	if err := fmt.Errorf("append: %w", c.Conflict(4)); !errors.As(err, &facts) || facts.Stream != "order-42" || facts.GotRevision != 4 {
		t.Errorf("the facts are %+v", facts)
	}
	item := store.ItemAt("carts", "7", 5)
	if err := item.ItemConflict(6); !errors.As(err, &facts) || facts.Bucket != "carts" || facts.Key != "7" || facts.GotRevision != 6 {
		t.Errorf("the facts are %+v", facts)
	}
}

func TestDurabilityHasNames(t *testing.T) {
	for level, name := range map[store.Durability]string{
		store.InMemory: "memory", store.InFile: "file", store.Fsynced: "fsynced", store.Replicated: "replicated",
	} {
		encoded, err := json.Marshal(level)
		if err != nil || string(encoded) != `"`+name+`"` {
			t.Errorf("%d is %s, %v; want %s", level, encoded, err, name)
		}
		var back store.Durability
		if err := json.Unmarshal(encoded, &back); err != nil || back != level {
			t.Errorf("%s is %v, %v; want %v", encoded, back, err, level)
		}
	}
	if store.InMemory >= store.InFile || store.InFile >= store.Fsynced || store.Fsynced >= store.Replicated {
		t.Error("the levels are out of order")
	}
	kept := store.Fsynced
	err := kept.UnmarshalText([]byte("disk"))
	if !errors.Is(err, event.ErrInvalid) || err.Error() != `durability: "disk" is none of memory, file, fsynced, replicated` || kept != store.Fsynced {
		t.Errorf("got %v, %v", kept, err)
	}
	if got := store.Durability(0).String(); got != "durability(0)" {
		t.Errorf("no durability is called %q", got)
	}
}
