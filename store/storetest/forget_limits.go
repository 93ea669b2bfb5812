package storetest

import (
	"time"

	"github.com/oxbow-events/oxbow/store"
)

func maxCountKeepsNewest(t *trial) {
	t.rule("s", store.StreamMeta{MaxCount: 3}) // before the stream exists
	t.keeps("s")
	t.commit(events(records("s", 2)...))
	t.keeps("s", 1, 2)
	t.commit(events(record("s")))
	t.keeps("s", 1, 2, 3)
	t.commit(events(record("s"), record("other"), record("s")))
	t.keeps("s", 3, 4, 5)
	t.rule("s", store.StreamMeta{MaxCount: 1})
	t.keeps("s", 5)
	if r := t.commit(events(records("s", 4)...)); r.Revisions["s"] != 9 { // three of them are gone at once
		t.Errorf("the receipt says revision %d, want 9", r.Revisions["s"])
	}
	t.keeps("s", 9)
	t.keeps("other", 1)
}

func maxAgeKeepsYoung(t *trial) {
	t.commit(events(ago("s", 72*time.Hour), ago("s", 12*time.Hour), ago("s", 96*time.Hour), ago("s", -time.Hour), ago("s", 0)))
	t.rule("s", store.StreamMeta{MaxAge: 1000 * time.Hour})
	t.keeps("s", 1, 2, 3, 4, 5)
	t.rule("s", store.StreamMeta{MaxAge: 48 * time.Hour})
	t.keeps("s", 2, 4, 5) // by age, not by place
	t.commit(events(ago("s", 49*time.Hour), ago("s", 47*time.Hour)))
	t.keeps("s", 2, 4, 5, 7)
	t.rule("s", store.StreamMeta{MaxAge: time.Nanosecond})
	t.keeps("s", 4)
}

func beforeTruncates(t *trial) {
	t.commit(events(records("s", 5)...))
	t.rule("s", store.StreamMeta{Before: 1})
	t.keeps("s", 1, 2, 3, 4, 5)
	t.rule("s", store.StreamMeta{Before: 4})
	t.keeps("s", 4, 5)
	t.rule("s", store.StreamMeta{Before: 7})
	t.keeps("s")
	t.commit(events(records("s", 3)...))
	t.keeps("s", 7, 8)
}

func limitsTogether(t *trial) {
	for _, hours := range []time.Duration{1, 2, 90, 3, 4, 5} {
		t.commit(events(ago("s", hours*time.Hour)))
	}
	t.rule("s", store.StreamMeta{MaxAge: 48 * time.Hour, MaxCount: 5, Before: 2})
	t.keeps("s", 2, 4, 5, 6)
	t.rule("s", store.StreamMeta{MaxAge: 48 * time.Hour, MaxCount: 4, Before: 2, Deleted: 1})
	t.keeps("s", 4, 5, 6)
	t.rule("s", store.StreamMeta{MaxAge: 48 * time.Hour, MaxCount: 4, Before: 6, Deleted: 1})
	t.keeps("s", 6)
}

// limitsOfOneStream has names that begin alike.
func limitsOfOneStream(t *trial) {
	for _, name := range []string{"s", "s-1", "S", "s "} {
		t.commit(events(records(name, 3)...))
	}
	t.rule("s", store.StreamMeta{MaxCount: 1})
	t.rule("S", store.StreamMeta{Before: 3})
	t.keeps("s", 3)
	t.keeps("S", 3)
	t.keeps("s-1", 1, 2, 3)
	t.keeps("s ", 1, 2, 3)
}

func existsThoughEmpty(t *trial) {
	t.commit(events(ago("s", 48*time.Hour), ago("s", 72*time.Hour)))
	for _, m := range []store.StreamMeta{{MaxAge: time.Hour}, {Before: 3}} {
		t.rule("s", m)
		t.keeps("s")
		t.holds(store.StreamExists("s"), store.AtRevision("s", 2))
		t.fails(2, store.NoStream("s"), store.AtRevision("s", 1))
	}
	if r := t.commit(events(record("s"))); r.Revisions["s"] != 3 {
		t.Errorf("the receipt says revision %d, want 3", r.Revisions["s"])
	}
}
