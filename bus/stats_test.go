package bus_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

func TestSubscriptionsShowWhoIsSlow(t *testing.T) {
	for _, workers := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			b, g := bus.New(bus.Config{}), newGate()
			slow := subscribe(t, b, g.handle, bus.Queued(bus.Queue{Size: 3, Workers: workers, WhenFull: bus.DropNewest}), bus.Named("slow"))
			subscribeTopic(t, b, "ticked.**", nop[any], bus.Named("quick"))
			feed := broadcast[Ticked](t, b, bus.Ring{Size: 2})
			_, err := b.BroadcastTopic("*", bus.Ring{}, bus.Named("nobody"))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for range feed.All(t.Context()) {
					<-g.open
				}
			}()
			synctest.Wait()
			for range 6 {
				publish(t, b, Ticked{})
				synctest.Wait()
				time.Sleep(time.Second)
			}

			want := []bus.Summary{
				{Name: "slow", EventType: "ticked", Mode: "queued", Stats: bus.Stats{
					Dropped: 2, Depth: 3, Capacity: 3, Running: 1, Lag: 5 * time.Second,
				}},
				{Name: "quick", Pattern: "ticked.**", Mode: "sync", Stats: bus.Stats{Delivered: 6}},
				{Name: "ticked", EventType: "ticked", Mode: "broadcast", Stats: bus.Stats{
					Delivered: 1, Depth: 2, Capacity: 2, Running: 1, Lag: 2 * time.Second,
				}},
				{Name: "nobody", Pattern: "*", Mode: "broadcast", Stats: bus.Stats{Capacity: 1024}},
			}
			got := b.Subscriptions()
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
				t.Errorf("subscriptions are\n%+v, want\n%+v", got, want)
			}

			close(g.open)
			synctest.Wait()
			if got, want := slow.Stats(), (bus.Stats{Delivered: 4, Dropped: 2, Capacity: 3}); got != want {
				t.Errorf("afterwards it has %+v, want %+v", got, want)
			}
			slow.Pause()
			if !b.Subscriptions()[0].Stats.Paused {
				t.Error("it is not seen that it is paused")
			}
			closeBus(t, b)
			if left := b.Subscriptions(); len(left) != 0 {
				t.Errorf("a closed bus has %v", left)
			}
		})
	}
}

func TestLagIsNeverNegative(t *testing.T) {
	b := bus.New(bus.Config{})
	sub := subscribe(t, b, nop[Ticked], bus.Queued(bus.Queue{}))
	sub.Pause()
	publish(t, b, Ticked{}, event.WithTime(time.Now().Add(time.Hour)))
	if lag := sub.Stats().Lag; lag != 0 {
		t.Errorf("an event from the future lags %v", lag)
	}
	closeBus(t, b)
}
