package consumer_test

import (
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/store"
)

// TestARunGoesOnWhenTheItemOfItsSlotIsNotAsItLeftIt is about a commit of its own whose answer it never heard, or somebody who wrote the
// item by hand: what stands counts.
func TestARunGoesOnWhenTheItemOfItsSlotIsNotAsItLeftIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newStore(t)
		var seen calls
		c := newConsumer(t, st, consumer.Config{Slots: 1}, consumer.OnRecord(seen.handle))
		stop := start(t, c)
		waitFor(t, c, place(t, st, "a", 1, 2))
		synctest.Wait()
		item, err := st.Get(t.Context(), consumer.Bucket+".slot", "billing/0000")
		if err != nil || item.Revision == 0 {
			t.Fatalf("the slot's item is %+v, %v", item, err)
		}
		if _, err := st.Commit(t.Context(), store.Commit{Items: []store.ItemWrite{store.Put(item.Bucket, item.Key, item.Value)}}); err != nil {
			t.Fatal(err)
		}
		last := place(t, st, "a", 3, 4)
		synctest.Wait() // until it has noticed
		waitFor(t, c, last)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := checkpoint(t, st); got != last {
			t.Errorf("the checkpoint is %d, want %d", got, last)
		}
	})
}
