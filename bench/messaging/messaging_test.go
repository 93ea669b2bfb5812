package messaging_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/oxbow-events/oxbow/bench/messaging"
)

func TestBusesCarryEveryOrderToEverySubscriber(t *testing.T) {
	for _, bus := range messaging.Buses() {
		for way, start := range map[string]func(int, messaging.Handle) (messaging.Publisher, error){"sync": bus.Sync, "queued": bus.Queued} {
			if start == nil {
				continue
			}
			t.Run(bus.Name+" "+way, func(t *testing.T) {
				t.Parallel()
				const subscribers, orders = 3, 50
				var mu sync.Mutex
				got := map[string]int{}
				var left sync.WaitGroup
				left.Add(subscribers * orders)
				p, err := start(subscribers, func(subscriber int, o messaging.Order) {
					mu.Lock()
					got[fmt.Sprint(subscriber, o)]++
					mu.Unlock()
					left.Done()
				})
				if err != nil {
					t.Fatal(err)
				}
				for i := range orders {
					if err := p.Publish(t.Context(), messaging.Order{Order: "42", Cents: int64(i)}); err != nil {
						t.Fatal(err)
					}
					mu.Lock()
					if way == "sync" && len(got) != subscribers*(i+1) {
						t.Errorf("after %d orders, %d were handled, want %d", i+1, len(got), subscribers*(i+1))
					}
					mu.Unlock()
				}
				left.Wait()
				if err := p.Close(); err != nil || len(got) != subscribers*orders {
					t.Errorf("%d different orders arrived, %v; want %d", len(got), err, subscribers*orders)
				}
			})
		}
	}
}

func TestIndexesFindWhoListens(t *testing.T) {
	for _, x := range messaging.Indexes() {
		if x.Missing != "" {
			t.Log(x.Name, x.Missing)
			continue
		}
		patterns := x.New()
		for i, p := range []string{"a.b.c", "a.*.c", "a.**", "b.**", "*.b", "a.b.d"} {
			if err := patterns.Add(p, i); err != nil {
				t.Errorf("%s: %s: %v", x.Name, p, err)
			}
		}
		if got := patterns.Count("a.b.c"); got != 3 {
			t.Errorf("%s finds %d listeners, want 3", x.Name, got)
		}
	}
}

func TestAnswerersAnswer(t *testing.T) {
	for _, a := range append(messaging.Requests(), messaging.Commands()...) {
		if a.Missing != "" {
			t.Log(a.Name, a.Missing)
			continue
		}
		handled := make(chan messaging.Order, 1)
		ask, end, err := a.Start(func(o messaging.Order) int64 { handled <- o; return o.Cents })
		if err != nil {
			t.Fatalf("%s: %v", a.Name, err)
		}
		o := messaging.Order{Order: "42", Cents: 7}
		if cents, err := ask(t.Context(), o); err != nil || cents != 7 || <-handled != o {
			t.Errorf("%s answered %d, %v; want 7", a.Name, cents, err)
		}
		if err := end(); err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
	}
}
