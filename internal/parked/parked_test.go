package parked_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

const name = "billing"

var noon = time.Date(2026, 1, 2, 12, 0, 0, 123456789, time.UTC)

func open(t testing.TB) *store.Store {
	st := store.New(memory.New(), store.Config{})
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func letter(p event.Position, key string, slot int, state parked.State, data []byte) parked.Letter {
	return parked.Letter{
		Record: event.Record{
			Metadata: event.Metadata{ID: event.NewID(), Type: "order.placed", Version: 1, Time: noon},
			Place:    event.Place{Stream: "order-1", Revision: uint64(p), Position: p},
			Data:     data,
		},
		Key: key, Slot: slot, State: state, First: noon, Last: noon,
	}
}

func change(t testing.TB, st *store.Store, c parked.Change) {
	t.Helper()
	if err := try(t, st, c); err != nil {
		t.Fatal(err)
	}
}

func try(t testing.TB, st *store.Store, c parked.Change) error {
	t.Helper()
	count, err := parked.LoadCount(t.Context(), st, name)
	if err != nil {
		return err
	}
	w, err := parked.Writes(name, count, c)
	if err != nil {
		return err
	}
	_, err = st.Commit(t.Context(), store.Commit{Items: w.Items, Conditions: w.Conditions})
	return err
}

func read(t testing.TB, st *store.Store, p event.Position) parked.Letter {
	t.Helper()
	l, err := parked.Read(t.Context(), st, name, p)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestALetterIsReadAsItWasParked(t *testing.T) {
	for _, data := range [][]byte{nil, {}, []byte(" {\n\"a\": 1.10 }\n"), {0, 255, '"'}, make([]byte, store.MaxData)} {
		st := open(t)
		want := letter(7, "k\xffey", 12, parked.Failed, data)
		want.Record.Tags = []string{"customer:7"}
		want.Record.Headers = map[string]string{"a": "b\x00", "Weird Name": "\u2028"}
		want.Record.ContentType = "application/octet-stream"
		want.Record.CorrelationID, want.Record.Topic, want.Record.UserID = event.NewID(), "t.u", "zoë"
		want.Error, want.Stack, want.Attempts = "boom", "goroutine 1", 10
		change(t, st, parked.Change{Park: []parked.Letter{want}})

		got := read(t, st, 7)
		if !reflect.DeepEqual(got.Record, want.Record) {
			t.Errorf("the record is\n%+v, want\n%+v", got.Record, want.Record)
		}
		if got.Key != "k\uFFFDey" || got.Hash != parked.HashOf("k\xffey") || got.Slot != 12 || got.State != parked.Failed {
			t.Errorf("key %q, hash %v, slot %d, state %s", got.Key, got.Hash, got.Slot, got.State)
		}
		if got.Error != "boom" || got.Stack != "goroutine 1" || got.Attempts != 10 || !got.First.Equal(noon) || !got.Last.Equal(noon) {
			t.Errorf("the failure is %+v", got)
		}
		head, err := parked.Head(t.Context(), st, name, 7)
		if err != nil || head.Record.Data != nil || head.Size != got.Size {
			t.Errorf("the head has data %q, size %d, error %v", head.Record.Data, head.Size, err)
		}
	}
}

func TestTextsOfAFailureAreCutInWholeCharacters(t *testing.T) {
	st := open(t)
	l := letter(1, strings.Repeat("ä", parked.MaxKey), 0, parked.Failed, nil)
	l.Error = strings.Repeat("€", parked.MaxError)
	l.Stack = strings.Repeat("x", 2*parked.MaxStack)
	change(t, st, parked.Change{Park: []parked.Letter{l}})
	got := read(t, st, 1)
	for _, text := range []string{got.Key, got.Error, got.Stack} {
		if !strings.HasSuffix(text, " …") || strings.Contains(text, "\uFFFD") {
			t.Errorf("a text ends with %q", text[len(text)-8:])
		}
	}
	if len(got.Key) > parked.MaxKey || len(got.Error) > parked.MaxError || len(got.Stack) > parked.MaxStack {
		t.Errorf("lengths are %d, %d, %d", len(got.Key), len(got.Error), len(got.Stack))
	}
	if got.Hash != parked.HashOf(l.Key) {
		t.Error("the hash is not that of the whole key")
	}
}

// counting is a driver that counts the items that it lists.
type counting struct {
	store.Driver
	listed int
}

func (c *counting) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		for item, err := range c.Driver.List(ctx, bucket, from, to) {
			if c.listed++; !yield(item, err) {
				return
			}
		}
	}
}

func TestKeysAreFoundWithoutTheirLetters(t *testing.T) {
	driver := &counting{Driver: memory.New()}
	st := store.New(driver, store.Config{})
	var want []parked.Hash
	p := event.Position(0)
	for i, letters := range []int{1, 40, 2, 1000, 1, 31, 32, 33} {
		key := fmt.Sprint("key-", i)
		want = append(want, parked.HashOf(key))
		var park []parked.Letter
		for range letters {
			p++
			park = append(park, letter(p, key, 3, parked.Waiting, nil))
		}
		change(t, st, parked.Change{Park: park})
	}
	change(t, st, parked.Change{Park: []parked.Letter{letter(9_001, "a", 2, parked.Failed, nil), letter(9_002, "b", 4, parked.Failed, nil)}})
	slices.Sort(want)
	var got []parked.Hash
	for h, err := range parked.Keys(t.Context(), st, name, 3) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h)
	}
	if !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	if limit := len(want) * 34; driver.listed > limit {
		t.Errorf("%d of %d entries were read for %d keys, want at most %d", driver.listed, p, len(want), limit)
	}
}

func TestLettersOfAKeyComeInOrderAndInPages(t *testing.T) {
	st := open(t)
	change(t, st, parked.Change{Park: []parked.Letter{
		letter(30, "k", 1, parked.Waiting, []byte("c")), letter(4, "k", 1, parked.Failed, []byte("a")),
		letter(100, "k", 1, parked.Waiting, []byte("d")), letter(5, "k", 1, parked.Waiting, []byte("b")),
		letter(6, "other", 1, parked.Failed, nil), letter(7, "k2", 2, parked.Failed, nil),
	}})
	var got []string
	after := event.Position(0)
	for {
		page, err := parked.OfKey(t.Context(), st, name, 1, parked.HashOf("k"), after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, l := range page {
			got = append(got, fmt.Sprint(l.Record.Position, string(l.Record.Data)))
			after = l.Record.Position
		}
	}
	if want := []string{"4a", "5b", "30c", "100d"}; !slices.Equal(got, want) {
		t.Errorf("letters %v, want %v", got, want)
	}
}

func TestRequestsAreOfTheirSlot(t *testing.T) {
	st := open(t)
	ask := []parked.Request{{Slot: 1, Hash: 9, At: noon, By: "ann"}, {Slot: 1, Hash: 3, At: noon}, {Slot: 2, Hash: 1, At: noon}}
	change(t, st, parked.Change{Ask: ask})
	got, err := parked.Requests(t.Context(), st, name, 1, 10)
	if err != nil || len(got) != 2 || got[0].Hash != 3 || got[1].Hash != 9 || got[1].By != "ann" {
		t.Fatalf("requests %+v, error %v", got, err)
	}
	if err := try(t, st, parked.Change{Ask: ask[:1]}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("asking as if nobody had: %v, want a conflict", err)
	}
	change(t, st, parked.Change{Unask: got[:1]})
	if one, err := parked.RequestOf(t.Context(), st, name, 1, 3); err != nil || one.Revision != 0 {
		t.Errorf("the request is still there: %+v, %v", one, err)
	}
	if few, _ := parked.Requests(t.Context(), st, name, 1, 1); len(few) != 1 {
		t.Errorf("%d requests, want the limit", len(few))
	}
}

func TestWhatChangedInBetweenIsAConflict(t *testing.T) {
	st := open(t)
	change(t, st, parked.Change{Park: []parked.Letter{letter(1, "k", 0, parked.Failed, []byte("{}"))}})
	stale := read(t, st, 1)
	if err := try(t, st, parked.Change{Park: []parked.Letter{letter(1, "k", 0, parked.Failed, nil)}}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("parking a position twice: %v, want a conflict", err)
	}
	edited := stale
	if err := edited.Edit([]byte("[]"), nil, noon, "ann", "why"); err != nil {
		t.Fatal(err)
	}
	change(t, st, parked.Change{Again: []parked.Letter{edited}})
	for what, c := range map[string]parked.Change{
		"resolving": {Resolved: []parked.Letter{stale}},
		"failing":   {Again: []parked.Letter{stale}},
	} {
		if err := try(t, st, c); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s what was edited since: %v, want a conflict", what, err)
		}
	}
	count, _ := parked.LoadCount(t.Context(), st, name)
	w, err := parked.Writes(name, count.At(count.Revision-1), parked.Change{Park: []parked.Letter{letter(2, "k", 0, parked.Waiting, nil)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(t.Context(), store.Commit{Items: w.Items, Conditions: w.Conditions}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("counting from an old count: %v, want a conflict", err)
	}
}

func TestAnEditKeepsWhatWasThere(t *testing.T) {
	st := open(t)
	l := letter(1, "k", 0, parked.Failed, []byte(`{"a":1}`))
	l.Record.Headers = map[string]string{"h": "1"}
	change(t, st, parked.Change{Park: []parked.Letter{l}})
	for i, data := range [][]byte{[]byte(`{"a":22}`), nil, {}} {
		l := read(t, st, 1)
		if err := l.Edit(data, map[string]string{"h": fmt.Sprint(i + 2)}, noon, "ann", "typo"); err != nil {
			t.Fatal(err)
		}
		change(t, st, parked.Change{Again: []parked.Letter{l}})
	}
	got := read(t, st, 1)
	if got.Record.Data == nil || len(got.Record.Data) != 0 || got.Record.Headers["h"] != "4" || len(got.Edits) != 3 {
		t.Fatalf("the letter is %+v", got)
	}
	for version, want := range []string{`{"a":1}`, `{"a":22}`, "", ""} {
		data, err := parked.Data(t.Context(), st, name, &got, version)
		if err != nil || string(data) != want || (data == nil) != (version == 2) {
			t.Errorf("version %d is %q (%v), want %q", version, data, err, want)
		}
	}
	change(t, st, parked.Change{Resolved: []parked.Letter{got}})
	if s, _ := statistics(t, st); s != 1 {
		t.Errorf("%d items are left, want the count alone", s)
	}
}

func statistics(t *testing.T, st *store.Store) (items uint64, err error) {
	counter, _ := st.Statistics()
	s, err := counter.Stats(t.Context())
	return s.Items, err
}

func TestEditsHaveALimit(t *testing.T) {
	l := letter(1, "k", 0, parked.Failed, nil)
	for range parked.MaxEdits {
		if err := l.Edit(nil, nil, noon, "ann", ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Edit(nil, nil, noon, "ann", ""); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("one more: %v", err)
	}
}

func TestDamageIsNamed(t *testing.T) {
	st := open(t)
	change(t, st, parked.Change{Park: []parked.Letter{letter(1, "k", 0, parked.Failed, []byte("{}")), letter(2, "k", 0, parked.Waiting, []byte("{}"))}})
	for _, c := range []struct {
		what  string
		write store.ItemWrite
	}{
		{"letter", store.Put(parked.Letters(name), parked.LetterKey(1), []byte("{"))},
		{"letter of another position", store.Put(parked.Letters(name), parked.LetterKey(1), value(t, st, parked.Letters(name), parked.LetterKey(2)))},
		{"letter without an entry's letter", store.Delete(parked.Letters(name), parked.LetterKey(1))},
		{"data", store.Delete("oxbow.deadletter.data/"+name, parked.LetterKey(2)+"/0000")},
		{"data of another size", store.Put("oxbow.deadletter.data/"+name, parked.LetterKey(2)+"/0000", []byte("{"))},
		{"entry", store.Put("oxbow.deadletter.key/"+name, "0000/"+parked.HashOf("k").String()+"/"+parked.LetterKey(1), []byte("dead"))},
	} {
		before, _ := st.Get(t.Context(), c.write.Bucket, c.write.Key)
		commit(t, st, c.write)
		_, err := parked.OfKey(t.Context(), st, name, 0, parked.HashOf("k"), 0, 10)
		if damaged, ok := errors.AsType[*parked.DamagedError](err); !ok || damaged.Bucket != c.write.Bucket || damaged.Key != c.write.Key || damaged.Position == 0 {
			t.Errorf("%s: %v", c.what, err)
		}
		commit(t, st, store.Put(before.Bucket, before.Key, before.Value))
	}
	commit(t, st, store.Put(parked.CountBucket, name, []byte(`{"letters":-1}`)))
	if _, err := parked.LoadCount(t.Context(), st, name); !strings.Contains(fmt.Sprint(err), `item "billing" in bucket "oxbow.deadletter" is damaged`) {
		t.Errorf("the count: %v", err)
	}
}

func value(t *testing.T, st *store.Store, bucket, key string) []byte {
	item, err := st.Get(t.Context(), bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	return item.Value
}

func commit(t *testing.T, st *store.Store, w ...store.ItemWrite) {
	t.Helper()
	if _, err := st.Commit(t.Context(), store.Commit{Items: w}); err != nil {
		t.Fatal(err)
	}
}

func TestMistakesAreRefusedByName(t *testing.T) {
	for _, c := range []struct {
		want string
		c    parked.Change
	}{
		{"position: is 0", parked.Change{Park: []parked.Letter{letter(0, "k", 0, parked.Failed, nil)}}},
		{"slot: is -1", parked.Change{Park: []parked.Letter{letter(1, "k", -1, parked.Failed, nil)}}},
		{"slot: is 10000", parked.Change{Park: []parked.Letter{letter(1, "k", 10_000, parked.Failed, nil)}}},
		{`state: "dead"`, parked.Change{Park: []parked.Letter{letter(1, "k", 0, "dead", nil)}}},
		{"was not read before it was changed", parked.Change{Again: []parked.Letter{letter(1, "k", 0, parked.Failed, nil)}}},
		{"was not read before it was resolved", parked.Change{Resolved: []parked.Letter{letter(1, "k", 0, parked.Failed, nil)}}},
		{"was not read before it was taken away", parked.Change{Unask: []parked.Request{{Hash: 1}}}},
	} {
		if _, err := parked.Writes(name, parked.Count{}, c.c); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	if err := parked.CheckName(strings.Repeat("n", parked.MaxName+1)); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("a long name: %v", err)
	}
	if err := parked.CheckName(strings.Repeat("n", parked.MaxName)); err != nil {
		t.Error(err)
	}
}

// TestCountsEqualWhatIsThere does changes at random and compares the count with the letters and the index after each.
func TestCountsEqualWhatIsThere(t *testing.T) {
	st := open(t)
	random := rand.New(rand.NewPCG(1, 2))
	var there []event.Position
	for next := event.Position(1); next < 250; next++ {
		var c parked.Change
		state := parked.Waiting
		if random.IntN(3) == 0 {
			state = parked.Failed
		}
		c.Park = append(c.Park, letter(next, fmt.Sprint(random.IntN(20)), random.IntN(3), state, make([]byte, random.IntN(50))))
		for range random.IntN(3) {
			if len(there) == 0 {
				break
			}
			i := random.IntN(len(there))
			l := read(t, st, there[i])
			if random.IntN(2) == 0 {
				c.Resolved = append(c.Resolved, l)
				there = slices.Delete(there, i, i+1)
				continue
			}
			l.State = parked.Failed
			l.Attempts++
			if err := l.Edit(make([]byte, random.IntN(50)), nil, noon, "ann", ""); err != nil {
				t.Fatal(err)
			}
			c.Again = append(c.Again, l)
			break
		}
		there = append(there, next)
		change(t, st, c)
		expectCount(t, st)
	}
}

func expectCount(t *testing.T, st *store.Store) {
	t.Helper()
	var listed, indexed parked.Count
	for item, err := range st.List(t.Context(), parked.Letters(name), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		l, err := parked.DecodeLetter(name, item)
		if err != nil {
			t.Fatal(err)
		}
		add(&listed, l.State, l.Bytes())
	}
	for e, err := range parked.Entries(t.Context(), st, name, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		add(&indexed, e.State, e.Bytes)
	}
	got, err := parked.LoadCount(t.Context(), st, name)
	if got.Revision = 0; err != nil || got != listed || got != indexed {
		t.Fatalf("the count is %+v (%v), the letters %+v, the index %+v", got, err, listed, indexed)
	}
}

func add(c *parked.Count, state parked.State, bytes uint64) {
	c.Letters++
	c.Bytes += bytes
	if state == parked.Failed {
		c.Failed++
	}
}

func FuzzDecodeLetter(f *testing.F) {
	st := open(f)
	change(f, st, parked.Change{Park: []parked.Letter{letter(1, "k", 0, parked.Failed, []byte("{}"))}})
	item, err := st.Get(f.Context(), parked.Letters(name), parked.LetterKey(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(item.Value)
	f.Add([]byte(`{"state":"failed","size":-2}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		item.Value = value
		l, err := parked.DecodeLetter(name, item)
		if err != nil {
			if _, ok := errors.AsType[*parked.DamagedError](err); !ok {
				t.Fatal(err)
			}
			return
		}
		if l.Record.Position != 1 || l.Slot < 0 || l.Slot > parked.MaxSlot || l.Size < -1 {
			t.Fatalf("read %+v", l)
		}
	})
}
