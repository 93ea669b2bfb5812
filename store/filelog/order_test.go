package filelog_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// manyRecords fills a log with records 0 to n-1, in several segments. Records of which the number can be divided by three are of stream a, others of b.
func manyRecords(t testing.TB, dir string, n int) *filelog.Log {
	t.Helper()
	l := open(t, dir, filelog.Config{SegmentBytes: 100_000, NoSync: true})
	for first := 0; first < n; first += 10 {
		var c store.Commit
		for i := first; i < min(first+10, n); i++ {
			r := record(i, "b")
			r.ID = event.UUID([16]byte{1, byte(i >> 16), byte(i >> 8), byte(i)})
			if i%3 == 0 {
				r.Stream = "a"
			}
			if i%7 == 0 {
				r.CausationID, r.Tags = r.ID, append(r.Tags, "seven")
			}
			c.Events = append(c.Events, r)
		}
		appendTo(t, l, c)
	}
	return l
}

// Whoever reads very many records gets the same ones in the same order, however he reads them and wherever he stops.
func TestReadingVeryMany(t *testing.T) {
	const n = 3000
	l := manyRecords(t, t.TempDir(), n)
	for _, stop := range []int{1, 255, 256, 257, 300, 384, 385, 1000, 2999, 3000} {
		read := 0
		for r, err := range l.Read(t.Context(), store.Query{}) {
			if err != nil || string(r.Data) != fmt.Sprintf(`{"n":%d}`, read) || r.Position != store.Position(read+1) {
				t.Fatalf("record %d is %s at %d, %v", read, r.Data, r.Position, err)
			}
			if seventh := read%7 == 0; r.CausationID.IsZero() == seventh || (len(r.Tags) > 1) != seventh {
				t.Fatalf("record %d was caused by %v and has the tags %v", read, r.CausationID, r.Tags)
			}
			if read++; read == stop {
				break
			}
		}
		if read != stop {
			t.Errorf("read %d, want %d", read, stop)
		}
	}
	if got := len(texts(t, l)); got != n {
		t.Errorf("read %d, want %d", got, n)
	}
	for _, limit := range []int{256, 257, 700, n + 1} {
		if got := countRead(t, l, store.Query{Limit: limit}); got != min(limit, n) {
			t.Errorf("limit %d: %d", limit, got)
		}
	}
	if got := countRead(t, l, store.Query{After: 100, Before: 2901}); got != 2800 {
		t.Errorf("a range of 2800 has %d", got)
	}
	if got := countRead(t, l, store.Where(store.Filter{Types: []string{"order.placed"}})); got != n {
		t.Errorf("with a filter that all match: %d", got)
	}
	setMeta(t, l, "a", store.StreamMeta{MaxCount: 10})
	if got := countRead(t, l, store.Query{}); got != n*2/3+10 {
		t.Errorf("with a stream that keeps ten: %d, want %d", got, n*2/3+10)
	}
}

func countRead(t testing.TB, l *filelog.Log, q store.Query) (n int) {
	t.Helper()
	last := store.Position(0)
	for r, err := range l.Read(t.Context(), q) {
		if err != nil || r.Position <= last {
			t.Fatalf("position %d after %d, %v", r.Position, last, err)
		}
		last = r.Position
		n++
	}
	return n
}

// Damage among very many records is met in its turn.
func TestDamageAmongVeryManyIsMetInItsTurn(t *testing.T) {
	dir := t.TempDir()
	manyRecords(t, dir, 2000).Close()
	for _, n := range []int{255, 256, 257, 300, 383, 384, 385, 900} {
		path, sound, at := holding(t, dir, fmt.Sprintf(`{"n":%d}`, n))
		rewrite(t, path, flipped(sound, at))
		l := open(t, dir, filelog.Config{})
		read, err := 0, error(nil)
		for _, err = range l.Read(t.Context(), store.Query{}) {
			if err == nil {
				read++
			}
		}
		if read != n || !errors.Is(err, store.ErrDamaged) {
			t.Errorf("record %d is damaged: read %d and %v", n, read, err)
		}
		l.Close()
		rewrite(t, path, sound)
	}
}

func TestReadingVeryManyEndsWithItsContextAndWithTheLog(t *testing.T) {
	l := manyRecords(t, t.TempDir(), 2000)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read, err := 0, error(nil)
	for _, err = range l.Read(ctx, store.Query{}) {
		if read++; read == 1000 {
			cancel()
		}
	}
	if read != 1001 || !errors.Is(err, context.Canceled) {
		t.Errorf("after the context has ended: %d and %v", read, err)
	}
	read = 0
	for _, err = range l.Read(t.Context(), store.Query{}) {
		if read++; read == 1000 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if read != 1001 || !errors.Is(err, store.ErrClosed) {
		t.Errorf("after the log is closed: %d and %v", read, err)
	}
}
