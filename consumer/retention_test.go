package consumer_test

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/store"
)

func TestWhatStreamsNoLongerKeepIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		place(t, st, "a", 1, 2, 3)
		place(t, st, "b", 4)
		last := place(t, st, "c", 5)
		if _, err := st.SetStreamMeta(t.Context(), "order-a", store.StreamMeta{MaxCount: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := st.TombstoneStream(t.Context(), "order-c"); err != nil { // the newest record is gone too
			t.Fatal(err)
		}
		var got calls
		c := newConsumer(t, st, consumer.Config{Workers: 1}, consumer.OnRecord(got.handle))
		stop := start(t, c)
		waitFor(t, c, last)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if want := []store.Position{3, 4}; !slices.Equal(slices.Sorted(slices.Values(got.positions())), want) { // of two keys
			t.Errorf("handled %v, want %v", got.positions(), want)
		}
		if at := checkpoint(t, st); at != last {
			t.Errorf("the checkpoint is %d, want %d", at, last)
		}
	})
}
