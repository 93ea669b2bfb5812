package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// mixed appends stretches in which all, most, few or none of the records are in one of many streams that begin with "want-", and returns
// those.
func mixed(t *testing.T, l *filelog.Log, random *rand.Rand) (want []event.Record) {
	t.Helper()
	n := 0
	for _, percent := range []int{0, 100, 60, 10, 100, 40, 0, 90} {
		for range 250 {
			stream := fmt.Sprint("other-", n)
			if random.IntN(100) < percent {
				stream = fmt.Sprint("want-", n%150)
			}
			r := record(n, stream)
			appendTo(t, l, commit(r))
			if stream[0] == 'w' {
				want = append(want, r)
			}
			n++
		}
	}
	return want
}

// wanted is read by looking at every record, as more streams begin so than lists are merged.
var wanted = store.Where(store.Filter{StreamPrefix: "want-"})

func TestReadingFindsWhatMatchesHoweverMuchThatIs(t *testing.T) {
	for _, segment := range []int64{0, 20_000} {
		l := open(t, t.TempDir(), filelog.Config{NoSync: true, SegmentBytes: segment})
		want := mixed(t, l, rand.New(rand.NewPCG(1, 2)))
		for _, q := range []store.Query{wanted, {Any: wanted.Any, After: 333, Before: 1777}, {Any: wanted.Any, Backward: true}, {Any: wanted.Any, Limit: 200}} {
			got := read(t, l, q)
			expected := matchingIn(want, q)
			if len(got) != len(expected) {
				t.Errorf("segments of %d bytes, %+v: read %d records, want %d", segment, q, len(got), len(expected))
			}
			for i := range min(len(got), len(expected)) {
				if got[i] != expected[i] {
					t.Errorf("segments of %d bytes, %+v: read %s, want %s", segment, q, got[i], expected[i])
					break
				}
			}
		}
		l.Close()
	}
}

// read returns the positions and data of what is read.
func read(t *testing.T, l *filelog.Log, q store.Query) (texts []string) {
	t.Helper()
	for r, err := range l.Read(context.Background(), q) {
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, fmt.Sprint(r.Position, " ", r.Stream, " ", string(r.Data)))
	}
	return texts
}

// matchingIn returns what reading is to find. Record n is at position n+1.
func matchingIn(records []event.Record, q store.Query) (texts []string) {
	for i := range records {
		r := records[i]
		if q.Backward {
			r = records[len(records)-1-i]
		}
		var n int
		fmt.Sscanf(string(r.Data), `{"n":%d}`, &n)
		p := store.Position(n + 1)
		if p <= q.After || q.Before > 0 && p >= q.Before || q.Limit > 0 && len(texts) == q.Limit {
			continue
		}
		texts = append(texts, fmt.Sprint(p, " ", r.Stream, " ", string(r.Data)))
	}
	return texts
}

func TestDamageIsMetHoweverMuchMatches(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{NoSync: true, SegmentBytes: 20_000})
	want := mixed(t, l, rand.New(rand.NewPCG(1, 2)))
	l.Close()
	for _, n := range []int{3, len(want) / 3, len(want) / 2, len(want) * 3 / 4} {
		path, sound, at := holding(t, dir, string(want[n].Data))
		rewrite(t, path, flipped(sound, at))
		l := open(t, dir, filelog.Config{})
		got, err := 0, error(nil)
		for _, err = range l.Read(t.Context(), wanted) {
			if err == nil {
				got++
			}
		}
		if got != n || !errors.Is(err, store.ErrDamaged) {
			t.Errorf("match %d is damaged: read %d and %v, want %d and damage", n, got, err, n)
		}
		l.Close()
		rewrite(t, path, sound)
	}
}
