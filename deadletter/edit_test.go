package deadletter_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

func edit(t *testing.T, s *shelf, p event.Position, data string) deadletter.Letter {
	t.Helper()
	l, err := s.Edit(t.Context(), p, deadletter.Change{Data: []byte(data), By: "ann", Why: "typo"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAnEditIsKeptWithBeforeAndAfter(t *testing.T) {
	s := newShelf(t)
	l := letter(1, "a", parked.Failed)
	l.Record.Headers = map[string]string{"old": "1"}
	s.parkAs(l)
	began := time.Now()
	got, err := s.Edit(t.Context(), 1, deadletter.Change{Data: []byte(`{"n": 22}`), Headers: map[string]string{"new": "2"}, By: "ann", Why: "typo"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Get(t.Context(), 1)
	if err != nil || string(again.Record.Data) != `{"n": 22}` || !maps.Equal(again.Record.Headers, map[string]string{"new": "2"}) || again.Revision != got.Revision {
		t.Fatalf("the letter is %+v (%v)", again, err)
	}
	e := again.Edits[0]
	if e.By != "ann" || e.Why != "typo" || e.At.Before(began.Add(-time.Second)) || e.Size != 9 || e.SizeBefore != 7 ||
		e.Headers["new"] != "2" || e.HeadersBefore["old"] != "1" {
		t.Errorf("the edit is %+v", e)
	}
	for edits, want := range []string{`{"n":1}`, `{"n": 22}`} {
		if data, err := s.Data(t.Context(), 1, edits); err != nil || string(data) != want {
			t.Errorf("the data after %d edits are %s (%v), want %s", edits, data, err, want)
		}
	}
	_, err = s.Data(t.Context(), 1, 2)
	expectInvalid(t, "edits", err)
	j := s.entries()
	if len(j) != 1 || j[0].Action != deadletter.Edited || j[0].By != "ann" || j[0].Why != "typo" || j[0].Positions[0] != 1 ||
		j[0].Before.Text != `{"n":1}` || j[0].After.Text != `{"n": 22}` || j[0].Before.Headers["old"] != "1" || j[0].After.Headers["new"] != "2" {
		t.Errorf("the journal is %+v", j)
	}
	s.expectCount()

	// The consumer gets what the edit made of it.
	if _, err := s.Redrive(t.Context(), deadletter.Filter{Position: 1}, ann); err != nil {
		t.Fatal(err)
	}
	s.consume(func(l parked.Letter) error {
		if string(l.Record.Data) != `{"n": 22}` || l.Record.Headers["new"] != "2" {
			t.Errorf("the consumer got %s %v", l.Record.Data, l.Record.Headers)
		}
		return nil
	})
}

func TestWhatIsLeftOutOfAnEditStays(t *testing.T) {
	s := newShelf(t)
	l := letter(1, "a", parked.Failed)
	l.Record.Headers = map[string]string{"h": "1"}
	s.parkAs(l)
	edit(t, s, 1, "[]")
	if _, err := s.Edit(t.Context(), 1, deadletter.Change{Headers: map[string]string{}, By: "ann", Why: "w"}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Get(t.Context(), 1)
	if err != nil || string(got.Record.Data) != "[]" || len(got.Record.Headers) != 0 || got.Edits[0].Headers["h"] != "1" {
		t.Errorf("the letter is %+v (%v)", got, err)
	}
	before := got.Revision
	if got = edit(t, s, 1, "[]"); got.Revision != before || len(got.Edits) != 2 || len(s.entries()) != 2 {
		t.Errorf("an edit to what was there made revision %d of %d, %d edits", got.Revision, before, len(got.Edits))
	}
}

func TestABadEditIsRefusedByName(t *testing.T) {
	s := newShelf(t)
	s.park("a")
	binary := letter(2, "b", parked.Failed)
	binary.Record.ContentType = "application/octet-stream"
	s.parkAs(binary)
	long := map[string]string{"h": strings.Repeat("x", 5000)}
	for _, c := range []struct {
		field string
		c     deadletter.Change
	}{
		{"by", deadletter.Change{Data: []byte("1"), Why: "w"}},
		{"why", deadletter.Change{Data: []byte("1"), By: "ann"}},
		{"why", deadletter.Change{Data: []byte("1"), By: "ann", Why: strings.Repeat("w", 5000)}},
		{"data", deadletter.Change{By: "ann", Why: "w"}},
		{"data", deadletter.Change{Data: []byte(`{"a":1,}`), By: "ann", Why: "w"}},
		{"data", deadletter.Change{Data: []byte{}, By: "ann", Why: "w"}},
		{"data", deadletter.Change{Data: []byte{'"', 0xff, '"'}, By: "ann", Why: "w"}},
		{"data", deadletter.Change{Data: make([]byte, store.MaxData+1), By: "ann", Why: "w"}},
		{"header h", deadletter.Change{Headers: long, By: "ann", Why: "w"}},
		{"header name", deadletter.Change{Headers: map[string]string{"": "x"}, By: "ann", Why: "w"}},
	} {
		_, err := s.Edit(t.Context(), 1, c.c)
		expectInvalid(t, c.field, err)
	}
	if l, err := s.Edit(t.Context(), 2, deadletter.Change{Data: []byte{0xff}, By: "ann", Why: "w"}); err != nil || !bytes.Equal(l.Record.Data, []byte{0xff}) {
		t.Errorf("bytes in a record that may have them: %v", err)
	}
	if _, err := s.Edit(t.Context(), 9, deadletter.Change{Data: []byte("1"), By: "ann", Why: "w"}); !errors.Is(err, deadletter.ErrNone) {
		t.Errorf("of no letter: %v", err)
	}
	if got, _ := s.Get(t.Context(), 1); len(got.Edits) != 0 {
		t.Error("something refused was kept")
	}
}

func TestAnEditOfWhatChangedSinceIsAConflict(t *testing.T) {
	s := newShelf(t)
	s.park("a")
	seen, _ := s.Get(t.Context(), 1)
	edit(t, s, 1, "[1]")
	_, err := s.Edit(t.Context(), 1, deadletter.Change{Data: []byte("[2]"), By: "bob", Why: "w", Revision: seen.Revision})
	if !errors.Is(err, deadletter.ErrConflict) || !strings.Contains(fmt.Sprint(err), "look at it again") {
		t.Errorf("error %v, want a conflict", err)
	}
	if got, _ := s.Get(t.Context(), 1); string(got.Record.Data) != "[1]" {
		t.Errorf("the data are %s", got.Record.Data)
	}
}

func TestLargeDataAreKeptWholeAndCutInTheJournal(t *testing.T) {
	s := newShelf(t)
	s.park("a")
	text := `"` + strings.Repeat("ä", 1<<20) + `"`
	edit(t, s, 1, text)
	edit(t, s, 1, "1")
	if data, err := s.Data(t.Context(), 1, 1); err != nil || string(data) != text {
		t.Errorf("%d bytes are kept (%v)", len(data), err)
	}
	before := s.entries()[0].Before
	if before.Size != len(text) || len(before.Text) > 8<<10 || !strings.HasPrefix(text, before.Text) || before.Bytes != nil {
		t.Errorf("the journal has %d bytes of text, %d others, of %d", len(before.Text), len(before.Bytes), before.Size)
	}
}

func TestTheJournalKeepsItsNewest(t *testing.T) {
	s := newShelf(t)
	s.park("a")
	s.put("oxbow.deadletter.journal", name, []byte("9998")) // as if there had been so many
	for i := range 4 {
		s.put("oxbow.deadletter.journal/"+name, fmt.Sprintf("%020d", i+1), []byte(`{"action":"edit"}`))
	}
	for i := range 5 {
		edit(t, s, 1, fmt.Sprintf("[%d]", i))
	}
	var kept []string
	for item := range s.store.List(t.Context(), "oxbow.deadletter.journal/"+name, "", "") {
		kept = append(kept, strings.TrimLeft(item.Key, "0"))
	}
	if want := "[4 9999 10000 10001 10002 10003]"; fmt.Sprint(kept) != want {
		t.Errorf("kept are %v, want %s", kept, want)
	}
	page, err := s.Journal(t.Context(), 0, 2)
	if err != nil || len(page.Entries) != 2 || page.Entries[0].Number != 10003 || page.Entries[0].After.Text != "[4]" || page.Next != 10002 {
		t.Errorf("the first page is %+v (%v)", page, err)
	}
	if page, err = s.Journal(t.Context(), page.Next, 2); err != nil || page.Entries[0].Number != 10001 || page.Next != 10000 {
		t.Errorf("the second page is %+v (%v)", page, err)
	}
	if page, err = s.Journal(t.Context(), 5, 1); err != nil || len(page.Entries) != 1 || page.Next != 0 {
		t.Errorf("the last page is %+v (%v)", page, err)
	}
}

func TestTheJournalTellsWhoDidWhat(t *testing.T) {
	s := newShelf(t)
	s.park("a", "a", "b")
	if _, err := s.Redrive(t.Context(), deadletter.Filter{Key: "a"}, deadletter.Options{By: "ann", Why: "handler fixed"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Discard(t.Context(), deadletter.Filter{Key: "b"}, deadletter.Options{By: "bob", Why: "test"}); err != nil {
		t.Fatal(err)
	}
	j := s.entries()
	if len(j) != 2 {
		t.Fatalf("the journal is %+v", j)
	}
	if e := j[0]; e.Number != 2 || e.By != "bob" || e.Why != "test" || e.Action != deadletter.Discarded || e.Letters != 1 || e.Keys != 1 || e.Filter.Key != "b" || e.Positions[0] != 3 {
		t.Errorf("the newest entry is %+v", e)
	}
	if e := j[1]; e.Number != 1 || e.By != "ann" || e.Why != "handler fixed" || e.Action != deadletter.Redriven || e.Letters != 2 || e.Keys != 1 || e.Positions[0] != 1 {
		t.Errorf("the oldest entry is %+v", e)
	}
}
