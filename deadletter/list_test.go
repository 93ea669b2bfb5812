package deadletter_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
)

func TestListFindsWhatMatches(t *testing.T) {
	s := newShelf(t)
	s.park("a", "b", "a", "c")
	l := letter(9, "d", parked.Failed)
	l.Record.Type, l.Record.Stream, l.Error = "order.paid", "order-9", "dial tcp: Connection REFUSED"
	s.parkAs(l)
	for _, c := range []struct {
		f    deadletter.Filter
		want []event.Position
	}{
		{deadletter.Filter{}, []event.Position{1, 2, 3, 4, 9}},
		{deadletter.Filter{Position: 3}, []event.Position{3}},
		{deadletter.Filter{Position: 5}, nil},
		{deadletter.Filter{Key: "a"}, []event.Position{1, 3}},
		{deadletter.Filter{Key: "a", After: 1}, []event.Position{3}},
		{deadletter.Filter{Key: "a", Position: 3}, []event.Position{3}},
		{deadletter.Filter{Key: "a", Position: 2}, nil},
		{deadletter.Filter{Key: "nobody"}, nil},
		{deadletter.Filter{Stream: "order-9"}, []event.Position{9}},
		{deadletter.Filter{Types: []string{"order.paid", "x"}}, []event.Position{9}},
		{deadletter.Filter{Error: "connection refused"}, []event.Position{9}},
		{deadletter.Filter{Error: "refused"}, []event.Position{1, 2, 4, 9}},
		{deadletter.Filter{State: deadletter.Waiting}, []event.Position{3}},
		{deadletter.Filter{State: deadletter.Failed, Before: 4}, []event.Position{1, 2}},
		{deadletter.Filter{After: 2}, []event.Position{3, 4, 9}},
		{deadletter.Filter{After: 2, Before: 4}, []event.Position{3}},
		{deadletter.Filter{Since: noon.Add(4 * time.Minute)}, []event.Position{4, 9}},
		{deadletter.Filter{Until: noon.Add(3 * time.Minute)}, []event.Position{1, 2}},
	} {
		s.expectList(c.f, c.want...)
	}
}

func TestFiltersRefuseNonsenseByName(t *testing.T) {
	s := newShelf(t)
	for _, c := range []struct {
		field string
		f     deadletter.Filter
	}{
		{"position", deadletter.Filter{Position: 3, After: 3}},
		{"position", deadletter.Filter{Position: 3, Before: 3}},
		{"before", deadletter.Filter{After: 3, Before: 4}},
		{"state", deadletter.Filter{State: "dead"}},
		{"until", deadletter.Filter{Since: noon, Until: noon}},
		{"key", deadletter.Filter{Key: strings.Repeat("k", 2000)}},
		{"error", deadletter.Filter{Error: strings.Repeat("k", 2000)}},
		{"stream", deadletter.Filter{Stream: "a\nb"}},
		{"types", deadletter.Filter{Types: []string{"order.*"}}},
	} {
		_, err := s.List(t.Context(), c.f, 0, 0)
		expectInvalid(t, c.field, err)
		_, err = s.Redrive(t.Context(), c.f, deadletter.Options{By: "ann"})
		expectInvalid(t, c.field, err)
	}
	for _, limit := range []int{-1, deadletter.MaxPage + 1} {
		_, err := s.List(t.Context(), deadletter.Filter{}, limit, 0)
		expectInvalid(t, "limit", err)
		_, err = s.Journal(t.Context(), 0, limit)
		expectInvalid(t, "limit", err)
	}
	_, err := deadletter.New(s.store, "")
	expectInvalid(t, "consumer name", err)
}

func expectInvalid(t *testing.T, field string, err error) {
	t.Helper()
	if invalid, ok := errors.AsType[*event.InvalidError](err); !ok || invalid.Field != field {
		t.Errorf("error %v, want one about %s", err, field)
	}
}

func TestAPageReadsNoMoreThanItself(t *testing.T) {
	s := newShelf(t)
	keys := make([]string, 12_000)
	for i := range keys {
		keys[i] = fmt.Sprint(i % 50)
	}
	for i := range 50 {
		s.park(keys[i])
	}
	for start := 50; start < len(keys); start += 1000 {
		var park []parked.Letter
		for _, key := range keys[start:min(start+1000, len(keys))] {
			s.next++
			park = append(park, letter(s.next, key, parked.Waiting))
		}
		s.change(parked.Change{Park: park})
	}

	s.driver.failing(nil)
	page, err := s.List(t.Context(), deadletter.Filter{}, 10, 500)
	if err != nil || len(page.Letters) != 10 || page.Next != 510 || s.driver.listed > 11 || s.driver.calls > 1 {
		t.Errorf("%d letters, next %d, error %v, of %d items in %d calls", len(page.Letters), page.Next, err, s.driver.listed, s.driver.calls)
	}
	s.driver.failing(nil)
	page, err = s.List(t.Context(), deadletter.Filter{Types: []string{"none"}}, 10, 0)
	if err != nil || len(page.Letters) != 0 || page.Next != 10_000 || s.driver.listed > 10_001 {
		t.Errorf("without a match: next %d, error %v, of %d items", page.Next, err, s.driver.listed)
	}
	s.driver.failing(nil)
	if page, err = s.List(t.Context(), deadletter.Filter{Key: "7"}, 10, 0); err != nil || len(page.Letters) != 10 || s.driver.listed > 300 {
		t.Errorf("of a key: %d letters, error %v, of %d items", len(page.Letters), err, s.driver.listed)
	}
	if got := s.list(deadletter.Filter{Key: "7"}); len(got) != 240 {
		t.Errorf("the key has %d letters, want 240", len(got))
	}
}

func TestAPageOfLargeLettersEndsEarly(t *testing.T) {
	s := newShelf(t)
	headers := map[string]string{}
	for i := range event.MaxTags {
		headers[fmt.Sprint(i)] = strings.Repeat("x", 4096)
	}
	const many = 100 // of a quarter of a megabyte each, beside the data
	for p := range event.Position(many) {
		l := letter(p+1, fmt.Sprint(p), parked.Failed)
		l.Record.Headers = headers
		s.parkAs(l)
	}
	page, err := s.List(t.Context(), deadletter.Filter{}, deadletter.MaxPage, 0)
	if err != nil || len(page.Letters) < 20 || len(page.Letters) > 40 || page.Next != event.Position(len(page.Letters)) {
		t.Errorf("%d letters on a page, next %d (%v)", len(page.Letters), page.Next, err)
	}
	if got := s.list(deadletter.Filter{}); len(got) != many {
		t.Errorf("%d letters on all pages, want %d", len(got), many)
	}
	pages := 0
	o := all
	o.Progress = func(deadletter.Report) { pages++ }
	if report, err := s.Discard(t.Context(), deadletter.Filter{}, o); err != nil || report.Letters != many || pages < 3 {
		t.Errorf("%+v (%v) in %d pages", report, err, pages)
	}
}

func TestAKeyIsFoundWhateverItsSlot(t *testing.T) {
	s := newShelf(t)
	for p, slot := range []int{0, 0, 5000, parked.MaxSlot, 5000, parked.MaxSlot} {
		l := letter(event.Position(p+1), fmt.Sprint(p%4), parked.Failed)
		l.Slot = slot
		s.parkAs(l)
	}
	for p := range 4 {
		s.driver.failing(nil)
		if got := s.list(deadletter.Filter{Key: fmt.Sprint(p)}); len(got) == 0 || got[0] != event.Position(p+1) {
			t.Errorf("of key %d are %v", p, got)
		}
		if s.driver.calls > 20 {
			t.Errorf("%d calls for key %d", s.driver.calls, p)
		}
	}
	s.expectList(deadletter.Filter{Key: "1"}, 2, 6) // in two slots, as if their number had changed
}

func TestGetTellsEverything(t *testing.T) {
	s := newShelf(t)
	want := letter(5, "a", parked.Failed)
	want.Stack, want.Record.Headers, want.Record.Tags = "goroutine 7", map[string]string{"h": "1"}, []string{"customer:7"}
	s.parkAs(want)
	s.park("a")

	got, err := s.Get(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Record, want.Record) || got.Key != "a" || got.State != deadletter.Failed || got.Error != want.Error ||
		got.Stack != want.Stack || got.Attempts != 10 || !got.First.Equal(want.First) || !got.Last.Equal(want.Last) || got.Behind != 0 || got.Requested {
		t.Errorf("the letter is %+v", got)
	}
	if _, err := s.Redrive(t.Context(), deadletter.Filter{Position: 5}, deadletter.Options{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	if second, err := s.Get(t.Context(), 6); err != nil || second.Behind != 5 || !second.Requested || second.State != deadletter.Waiting {
		t.Errorf("the letter behind it is %+v (%v)", second, err)
	}
	if _, err := s.Get(t.Context(), 7); !errors.Is(err, deadletter.ErrNone) {
		t.Errorf("of a position without a letter: %v", err)
	}
}

func TestALetterInJSONIsTheSame(t *testing.T) {
	s := newShelf(t)
	s.park("a", "a")
	if _, err := s.Edit(t.Context(), 2, deadletter.Change{Data: []byte(`{"n":3}`), Headers: map[string]string{"h": "<1>"}, By: "ann", Why: "typo"}); err != nil {
		t.Fatal(err)
	}
	want, err := s.Get(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got deadletter.Letter
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v (%v)\nwant %+v", got, err, want)
	}
	for _, bad := range []string{`{"position":3,"record":{}}`, strings.Replace(string(text), `"position":2`, `"position":3`, 1), `[]`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("took %s", bad)
		}
	}
}

func TestDamageIsNamedAndTheRestIsListed(t *testing.T) {
	s := newShelf(t)
	s.park("a", "b", "a", "c", "b")
	s.put(parked.Letters(name), parked.LetterKey(2), []byte(`{"state":"failed"}`))
	page, err := s.List(t.Context(), deadletter.Filter{}, 0, 0)
	if err != nil || len(page.Letters) != 4 || len(page.Damaged) != 1 || page.Damaged[0].Position != 2 {
		t.Fatalf("%d letters, damaged %v, error %v", len(page.Letters), page.Damaged, err)
	}
	if text := page.Damaged[0].Error(); !strings.Contains(text, parked.LetterKey(2)) || !strings.Contains(text, "oxbow.deadletter/billing") {
		t.Errorf("the error is %q", text)
	}
	if _, err := s.Get(t.Context(), 2); !isDamaged(err) {
		t.Errorf("getting it: %v", err)
	}
	if _, err := s.Edit(t.Context(), 2, deadletter.Change{Data: []byte("{}"), By: "ann", Why: "w"}); !isDamaged(err) {
		t.Errorf("editing it: %v", err)
	}
	report, err := s.Redrive(t.Context(), deadletter.Filter{}, deadletter.Options{All: true, By: "ann"})
	if err != nil || report.Keys != 2 || report.Letters != 3 || report.Damaged != 1 || report.Held != 1 || report.Behind[0] != (deadletter.Behind{Position: 5, Front: 2}) {
		t.Errorf("redriving all: %+v (%v)", report, err)
	}
	s.expectRequested("a", "c")
	if report, err = s.Discard(t.Context(), deadletter.Filter{Types: []string{"order.placed"}, Before: 3}, why); err != nil || report.Letters != 1 || report.Damaged != 1 {
		t.Errorf("discarding by type: %+v (%v)", report, err)
	}
	if report, err = s.Discard(t.Context(), deadletter.Filter{Position: 2}, why); err != nil || report.Letters != 1 || report.Keys != 1 {
		t.Errorf("discarding it: %+v (%v)", report, err)
	}
	s.expectList(deadletter.Filter{}, 3, 4, 5)
	s.expectRequested("a", "b", "c")
	s.expectCount()
}

var why = deadletter.Options{By: "ann", Why: "test orders"}

func isDamaged(err error) bool {
	_, ok := errors.AsType[*deadletter.DamagedError](err)
	return ok
}

func TestALetterThatIsGoneButForItsEntryCanBeDiscarded(t *testing.T) {
	s := newShelf(t)
	s.park("a", "a")
	if _, err := s.store.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Delete(parked.Letters(name), parked.LetterKey(1))}}); err != nil {
		t.Fatal(err)
	}
	if report, err := s.Discard(t.Context(), deadletter.Filter{Position: 1}, why); err != nil || report.Letters != 1 || report.Keys != 1 {
		t.Errorf("%+v (%v)", report, err)
	}
	s.expectCount()
	s.expectRequested("a")
	if report, err := s.Discard(t.Context(), deadletter.Filter{Position: 1}, why); err != nil || report.Letters != 0 {
		t.Errorf("again: %+v (%v)", report, err)
	}
}

func TestADamagedCountIsMadeAnew(t *testing.T) {
	s := newShelf(t)
	s.park("a", "a", "b")
	want, _ := s.Count(t.Context())
	s.put(parked.CountBucket, name, []byte("12"))
	if _, err := s.Count(t.Context()); !isDamaged(err) {
		t.Errorf("the count: %v", err)
	}
	for _, err := range deadletter.Consumers(t.Context(), s.store, "") {
		if !isDamaged(err) {
			t.Errorf("the consumer: %v", err)
		}
	}
	if _, err := s.Discard(t.Context(), deadletter.Filter{Position: 1}, why); !isDamaged(err) {
		t.Errorf("discarding: %v", err)
	}
	if got, err := s.Recount(t.Context()); err != nil || got != want {
		t.Errorf("counted %+v (%v), want %+v", got, err, want)
	}
	s.expectCount()
}

func TestConsumersAreThoseThatEverHadLetters(t *testing.T) {
	s := newShelf(t)
	for _, other := range []string{"zeta", "alpha", "billing/eu"} {
		w, err := parked.Writes(other, parked.Count{}, parked.Change{Park: []parked.Letter{letter(1, "k", parked.Failed)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.store.Commit(t.Context(), store.Commit{Items: w.Items, Conditions: w.Conditions}); err != nil {
			t.Fatal(err)
		}
	}
	s.park("a", "a")
	if _, err := s.Discard(t.Context(), deadletter.Filter{}, deadletter.Options{All: true, By: "ann", Why: "w"}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for c, err := range deadletter.Consumers(t.Context(), s.store, "alpha") {
		got = append(got, fmt.Sprint(c.Name, " ", c.Letters, c.Failed, err))
	}
	if want := []string{"billing 0 0 <nil>", "billing/eu 1 1 <nil>", "zeta 1 1 <nil>"}; !reflect.DeepEqual(got, want) {
		t.Errorf("consumers %v, want %v", got, want)
	}
	s.expectList(deadletter.Filter{}) // of this one alone
}
