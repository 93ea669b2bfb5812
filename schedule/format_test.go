package schedule_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

var update = flag.Bool("update", false, "write the golden files")

func TestWhatIsStoredIsTheGoldenFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, began := newStore(t), time.Now()
		s := newScheduler(t, st, schedule.Config{Source: "/tower"})
		id, err := event.ParseID("01900000-0000-7000-8000-000000000001")
		ok(t, err)
		ctx := event.WithCause(t.Context(), event.Cause{ID: id, UserID: "ann"})
		must[schedule.Schedule](t)(s.At(ctx, "at", began.Add(time.Hour), bellRung{"a"}, schedule.With(event.WithTags("loud"), event.WithHeader("by", "clock"))))
		must[schedule.Schedule](t)(s.After(ctx, "after", time.Minute, bellRung{"a"}))
		must[schedule.Schedule](t)(s.Every(ctx, "every", time.Second, bellRung{"a"}, schedule.From(began), schedule.OnMisfire(schedule.Skip)))
		must[schedule.Schedule](t)(s.Cron(ctx, "cron", "@daily", "Europe/Berlin", bellRung{"a"}, schedule.OnMisfire(schedule.FireAll)))
		must[store.Receipt](t)(s.RunNow(ctx, "cron"))
		ok(t, s.Pause(ctx, "cron"))
		var got bytes.Buffer
		for _, bucket := range []string{schedule.Bucket, schedule.DueBucket} {
			for item, err := range st.List(ctx, bucket, "", "") {
				ok(t, err)
				got.WriteString(bucket + " " + item.Key + "\n")
				if len(item.Value) > 0 {
					ok(t, json.Indent(&got, item.Value, "", "\t"))
					got.WriteByte('\n')
				}
			}
		}
		const golden = "testdata/stored.txt"
		if *update {
			ok(t, os.WriteFile(golden, got.Bytes(), 0o644))
		}
		want, err := os.ReadFile(golden)
		ok(t, err)
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("stored is\n%s\nwant\n%s", &got, want)
		}
	})
}

func FuzzWhatIsStoredHaltsOrFires(f *testing.F) {
	f.Add("", []byte(`{"format":1,"timing":{"kind":"every","nanoseconds":1000000},"misfire":"fire once","event":{"type":"a","stream":"a"},"next":"2000-01-01T00:00:00Z","queued":"2000-01-01T00:00:00Z"}`))
	f.Add("x", []byte(`{"format":1,"timing":{"kind":"cron","cron":"* * * * * *","zone":"UTC"},"misfire":"fire all","event":{"type":"a b","stream":""},"next":"1800-01-01T00:00:00Z","queued":"2000-01-01T00:00:00Z"}`))
	f.Add("x", []byte(`{"format":1,"timing":{"kind":"at","at":"9999-01-01T00:00:00Z"},"misfire":"skip","event":{},"next":"9999-01-01T00:00:00Z","queued":"2000-01-01T00:00:00Z"}`))
	f.Add("x", []byte(`{`))
	f.Fuzz(func(t *testing.T, suffix string, value []byte) {
		key := "946684800000000000/a"
		items := []store.ItemWrite{
			store.Put(schedule.Bucket, "a", value), store.Put(schedule.DueBucket, "00"+key, nil), store.Put(schedule.DueBucket, "00"+key+suffix, nil),
		}
		if suffix == "" {
			items = items[:2]
		}
		synctest.Test(t, func(t *testing.T) {
			driver := &watched{Driver: memory.New()}
			driver.before = func(store.Commit) error { time.Sleep(10 * time.Millisecond); return nil } // or years would be made up for in no time
			st := store.New(driver, store.Config{})
			if _, err := st.Commit(t.Context(), store.Commit{Items: items}); err != nil {
				t.Skip(err)
			}
			s := newScheduler(t, st, schedule.Config{})
			must[schedule.Schedule](t)(s.After(t.Context(), "fine", 0, bellRung{"a"}))
			start(t, s)
			time.Sleep(time.Second)
			fine := 0
			for r, err := range st.Read(context.Background(), store.Query{}) {
				ok(t, err)
				if r.Headers[schedule.HeaderName] == "fine" {
					fine++
				}
			}
			if fine != 1 {
				t.Errorf("the one beside it fired %d times", fine)
			}
			list := must[[]schedule.Schedule](t)(s.List(t.Context(), schedule.Page{}))
			for _, one := range list {
				if strings.TrimSpace(one.Error) == "" && one.State == schedule.Halted {
					t.Errorf("it has halted without a reason: %+v", one)
				}
			}
		})
	})
}
