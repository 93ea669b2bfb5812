package oxbowtest_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/oxbowtest"
	"github.com/oxbow-events/oxbow/store"
)

func TestBuiltEventsAreTheSameEachTime(t *testing.T) {
	made := func() []event.Record {
		var b oxbowtest.Builder
		return b.Records(orderPlaced{Order: "1"}, oxbowtest.Event(orderPaid{Order: "1"}, event.WithTags("t:1")), orderPlaced{Order: "2"})
	}
	first, second := made(), made()
	for i, r := range first {
		other := second[i]
		if r.ID != other.ID || !r.Time.Equal(other.Time) || r.Place != other.Place || string(r.Data) != string(other.Data) {
			t.Errorf("record %d is %+v and then %+v", i, r, other)
		}
		if r.ID != oxbowtest.ID(i+1) || !r.Time.Equal(oxbowtest.Epoch.Add(time.Duration(i)*time.Second)) {
			t.Errorf("record %d has id %v and time %v", i, r.ID, r.Time)
		}
	}
	if got := first[1].Place; got != (event.Place{Stream: "order-1", Revision: 2, Position: 2}) {
		t.Errorf("the second record stands at %+v", got)
	}
	if !slices.Equal(first[1].Tags, []string{"t:1"}) {
		t.Errorf("its tags are %v", first[1].Tags)
	}
}

func TestWhatABuiltEventSaysItselfIsKept(t *testing.T) {
	b := oxbowtest.Builder{Start: time.Unix(1000, 0), Step: time.Minute}
	id, at := oxbowtest.ID(99), time.Unix(7, 0).UTC()
	e := b.Event(orderPlaced{Order: "1"}, event.WithID(id), event.WithTime(at))
	if e.ID != id || !e.Time.Equal(at) {
		t.Errorf("made %v at %v, want %v at %v", e.ID, e.Time, id, at)
	}
	if e := b.Event(orderPlaced{Order: "1"}); !e.Time.Equal(time.Unix(1060, 0)) {
		t.Errorf("the second is of %v", e.Time)
	}
}

func TestIDsGrowAndAreUUIDs(t *testing.T) {
	if oxbowtest.ID(1).String() >= oxbowtest.ID(2).String() {
		t.Errorf("%v is not less than %v", oxbowtest.ID(1), oxbowtest.ID(2))
	}
	if at, ok := oxbowtest.ID(3).Time(); !ok || !at.Equal(oxbowtest.Epoch) {
		t.Errorf("an id is of %v, %t", at, ok)
	}
}

func TestAStoreHoldsWhatIsGiven(t *testing.T) {
	var b oxbowtest.Builder
	st := oxbowtest.Store(t,
		orderPlaced{Order: "1"},
		oxbowtest.Event(orderPlaced{Order: "2"}, event.WithStream("elsewhere"), event.WithTags("customer:7")),
		map[string]any{"type": "shop.opened"},
		b.Record(orderPaid{Order: "9"}, event.WithID(oxbowtest.ID(50))),
	)
	var got []event.Record
	for r, err := range st.Read(t.Context(), store.Query{}) {
		must(t, err)
		got = append(got, r)
	}
	if len(got) != 4 {
		t.Fatalf("the store holds %d records, want 4", len(got))
	}
	if got[1].Stream != "elsewhere" || !slices.Equal(got[1].Tags, []string{"customer:7"}) || got[1].ID != oxbowtest.ID(2) {
		t.Errorf("the second is %+v", got[1])
	}
	if got[3].ID != oxbowtest.ID(50) || got[3].Position != 4 {
		t.Errorf("the record is %+v", got[3])
	}
}

func TestGivenEventsAreOfThePastInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b oxbowtest.Builder
		if e := b.Event(orderPlaced{Order: "1"}); time.Since(e.Time) != 24*time.Hour {
			t.Errorf("a given event happened %v ago, want a day", time.Since(e.Time))
		}
	})
}

func TestAMistakeInWhatIsGivenIsNamed(t *testing.T) {
	golden(t, "store-mistake", func(t testing.TB) {
		oxbowtest.Store(t, orderPlaced{Order: "1"}, oxbowtest.Event(orderPlaced{}, event.WithTags("")))
	})
}
