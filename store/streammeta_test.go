package store_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

func TestStreamMetaAreReadAsWritten(t *testing.T) {
	for text, m := range map[string]store.StreamMeta{
		`{}`:                       {},
		`{"max_age":"720h0m0s"}`:   {MaxAge: 720 * time.Hour},
		`{"max_age":"1ns"}`:        {MaxAge: 1},
		`{"max_count":1}`:          {MaxCount: 1},
		`{"before":7,"deleted":6}`: {Before: 7, Deleted: 6},
		`{"max_age":"1m30s","max_count":9223372036854775807,"before":2,"deleted":3,"tombstone":true}`: {
			MaxAge: 90 * time.Second, MaxCount: math.MaxInt64, Before: 2, Deleted: 3, Tombstone: true,
		},
	} {
		written, err := json.Marshal(m)
		if err != nil || string(written) != text {
			t.Errorf("%+v is written as %s, %v; want %s", m, written, err, text)
		}
		if read, err := store.ParseStreamMeta([]byte(text)); err != nil || read != m {
			t.Errorf("%s is read as %+v, %v; want %+v", text, read, err, m)
		}
	}
}

func TestStreamMetaThatSayNothingAreRefusedByName(t *testing.T) {
	for text, want := range map[string]string{
		``:                                 `stream metadata: are "", want one JSON object`,
		`null`:                             `stream metadata: are "null", want one JSON object`,
		`[]`:                               `stream metadata: are "[]", want one JSON object`,
		`{} {}`:                            `stream metadata: are "{} {}", want one JSON object`,
		`{"max_age":"1h"`:                  `stream metadata: are "{\"max_age\":\"1h\"", want one JSON object`,
		`{"maxage":"1h"}`:                  `stream metadata: have no field "maxage"; there are max_age, max_count, before, deleted and tombstone`,
		`{"Max_Age":"1h"}`:                 `stream metadata: have no field "Max_Age"; there are max_age, max_count, before, deleted and tombstone`,
		`{"before":1,"before":2}`:          `before: occurs twice`,
		`{"max_age":3600}`:                 `max_age: is 3600, want a text such as "720h"`,
		`{"max_age":null}`:                 `max_age: is null, want a text such as "720h"`,
		`{"max_age":"30d"}`:                `max_age: is "30d", want a duration such as "720h" or "90m"`,
		`{"max_age":"-1h"}`:                `max_age: is -1h0m0s; write 0 for no limit`,
		`{"max_age":"9999999h"}`:           `max_age: is "9999999h", want a duration such as "720h" or "90m"`,
		`{"max_count":-1}`:                 `max_count: is -1, want a whole number from 0 to 9223372036854775807`,
		`{"max_count":1.5}`:                `max_count: is 1.5, want a whole number from 0 to 9223372036854775807`,
		`{"max_count":"1"}`:                `max_count: is "1", want a whole number from 0 to 9223372036854775807`,
		`{"max_count":null}`:               `max_count: is null, want a whole number from 0 to 9223372036854775807`,
		`{"before":9223372036854775808}`:   `before: is 9223372036854775808, want a whole number from 0 to 9223372036854775807`,
		`{"deleted":99999999999999999999}`: `deleted: is 99999999999999999999, want a whole number from 0 to 9223372036854775807`,
		`{"tombstone":"yes"}`:              `tombstone: is "yes", want true or false`,
	} {
		m, err := store.ParseStreamMeta([]byte(text))
		if !errors.Is(err, event.ErrInvalid) || err.Error() != want {
			t.Errorf("%s is read as %+v, %v; want %s", text, m, err, want)
		}
		c := store.Commit{Items: []store.ItemWrite{store.Put("b", "k", nil), store.Put(store.StreamBucket, "s", []byte(text))}}
		if err := c.Check(); !errors.Is(err, event.ErrInvalid) || !strings.HasPrefix(err.Error(), "items[1].value: "+want) {
			t.Errorf("a commit of %s: %v", text, err)
		}
	}
}

func TestStreamMetaNeedAStreamsName(t *testing.T) {
	long := strings.Repeat("x", event.MaxName+1) // an item's key may be that long
	for _, m := range []store.StreamMeta{{MaxCount: 1}, {}} {
		c := store.Commit{Items: []store.ItemWrite{store.PutStreamMeta(long, m)}}
		var facts *event.InvalidError
		if err := c.Check(); !errors.As(err, &facts) || facts.Field != "items[0].key" {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

func TestStreamMetaOutOfRangeAreRefusedByName(t *testing.T) {
	for field, m := range map[string]store.StreamMeta{
		"max_age": {MaxAge: -1}, "max_count": {MaxCount: 1 << 63}, "before": {Before: 1 << 63}, "deleted": {Deleted: math.MaxUint64},
	} {
		var facts *event.InvalidError
		if err := m.Check(); !errors.As(err, &facts) || facts.Field != field {
			t.Errorf("%+v: %v, want a refusal of %s", m, err, field)
		}
	}
}

func TestStreamMetaSayWhatIsKept(t *testing.T) {
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		meta  store.StreamMeta
		kept  []uint64 // of revisions 1 to 5, of which number n happened 6-n hours ago
		first uint64
		seen  uint64
	}{
		{store.StreamMeta{}, []uint64{1, 2, 3, 4, 5}, 1, 5},
		{store.StreamMeta{MaxCount: 1}, []uint64{5}, 5, 5},
		{store.StreamMeta{MaxCount: 4}, []uint64{2, 3, 4, 5}, 2, 5},
		{store.StreamMeta{MaxCount: 5}, []uint64{1, 2, 3, 4, 5}, 1, 5},
		{store.StreamMeta{MaxCount: math.MaxInt64}, []uint64{1, 2, 3, 4, 5}, 1, 5},
		{store.StreamMeta{MaxAge: 3 * time.Hour}, []uint64{3, 4, 5}, 1, 5},
		{store.StreamMeta{MaxAge: 3*time.Hour - 1}, []uint64{4, 5}, 1, 5},
		{store.StreamMeta{MaxAge: 1}, nil, 1, 5},
		{store.StreamMeta{MaxAge: math.MaxInt64}, []uint64{1, 2, 3, 4, 5}, 1, 5},
		{store.StreamMeta{Before: 1}, []uint64{1, 2, 3, 4, 5}, 1, 5},
		{store.StreamMeta{Before: 4}, []uint64{4, 5}, 4, 5},
		{store.StreamMeta{Before: 6}, nil, 6, 5},
		{store.StreamMeta{Deleted: 3}, []uint64{4, 5}, 4, 5},
		{store.StreamMeta{Deleted: 4}, []uint64{5}, 5, 5},
		{store.StreamMeta{Deleted: 5}, nil, 6, 0},
		{store.StreamMeta{Tombstone: true}, nil, 6, 0},
		{store.StreamMeta{MaxCount: 3, MaxAge: 2 * time.Hour, Before: 2, Deleted: 1}, []uint64{4, 5}, 3, 5},
	} {
		var kept []uint64
		for n := range uint64(5) {
			r := event.Record{Place: event.Place{Revision: n + 1}}
			r.Time = now.Add(-time.Duration(5-n) * time.Hour)
			if c.meta.Keeps(&r, 5, now) {
				kept = append(kept, r.Revision)
			}
		}
		if !slices.Equal(kept, c.kept) || c.meta.FirstKept(5) != c.first || c.meta.Revision(5) != c.seen {
			t.Errorf("%+v keeps %v from %d on at %d; want %v, %d, %d",
				c.meta, kept, c.meta.FirstKept(5), c.meta.Revision(5), c.kept, c.first, c.seen)
		}
	}
}

func FuzzParseStreamMeta(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"max_age":"720h0m0s","max_count":100,"before":5,"deleted":4,"tombstone":true}`, `{"max_age":"-1h"}`, `{"before":-1}`,
		`{"max_count":1e3}`, `{"a":{}}`, `[`, `{"before":1,"before":1}`, ` { "tombstone" : false } `, "{\"\xff\":1}", `{"max_age":"1h","max_age"`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		m, err := store.ParseStreamMeta(value)
		if err != nil {
			if !errors.Is(err, event.ErrInvalid) {
				t.Errorf("%q: %v is no event.ErrInvalid", value, err)
			}
			return
		}
		if err := m.Check(); err != nil {
			t.Errorf("%q is read as %+v: %v", value, m, err)
		}
		written, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := store.ParseStreamMeta(written); err != nil || again != m {
			t.Errorf("%q is read as %+v, written as %s, and read again as %+v, %v", value, m, written, again, err)
		}
	})
}
