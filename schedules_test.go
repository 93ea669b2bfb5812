package oxbow_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/schedule"
	"github.com/oxbow-events/oxbow/store/memory"
)

// notes are what handlers were called with.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, s)
}

func (n *notes) all() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.list, ", ")
}

func TestWhatASchedulePublishesReachesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		var heard, consumed notes
		oxbow.Subscribe(a, func(_ context.Context, e event.Event[orderPaid]) error {
			time.Sleep(time.Second) // which Settle waits for
			heard.add(e.Data.Order + " from " + e.Source)
			return nil
		})
		a.Consume("late", consumer.Config{}, consumer.On(func(_ context.Context, e event.Event[orderPaid]) error {
			consumed.add(e.Data.Order)
			return nil
		}))
		s := a.Schedules()
		if s != a.Schedules() {
			t.Error("there are two of the schedules")
		}
		if _, err := s.After(t.Context(), "remind", 0, orderPaid{"now"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.After(t.Context(), "remind later", time.Hour, orderPaid{"later"}); err != nil {
			t.Fatal(err)
		}
		stop := run(t, a)
		if err := a.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h, c := heard.all(), consumed.all(); h != "now from /shop" || c != "now" {
			t.Errorf("after Settle subscriptions heard %q and the consumer %q, want what is due now and not what is due in an hour", h, c)
		}
		time.Sleep(time.Hour)
		if err := a.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if h, c := heard.all(), consumed.all(); h != "now from /shop, later from /shop" || c != "now, later" {
			t.Errorf("an hour later subscriptions heard %q and the consumer %q", h, c)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestSchedulesNobodyAskedForDoNotFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		stop := run(t, a)
		synctest.Wait()
		if _, err := a.Schedules().After(t.Context(), "remind", 0, orderPaid{"now"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if head, err := a.Store().Head(t.Context()); err != nil || head != 0 {
			t.Errorf("the head is %d, %v: Run fires only what was asked for before it", head, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAProjectionMayBeCalledSchedules(t *testing.T) {
	a := newApp(t)
	p, err := projection.New[orderPaid](a.Store(), a.Schedules().Name(), projection.Config{})
	if err != nil {
		t.Fatal(err)
	}
	a.Project(p)
	if _, err := a.Publish(t.Context(), orderPaid{"1"}); err != nil {
		t.Error(err)
	}
}

func TestABadConfigOfSchedulesIsToldByPublish(t *testing.T) {
	driver := memory.New()
	defer driver.Close()
	a := oxbow.New(driver, oxbow.Config{Schedules: schedule.Config{Batch: -1}})
	if _, err := a.Publish(t.Context(), orderPaid{"1"}); err == nil || !strings.Contains(err.Error(), "Batch") {
		t.Errorf("Publish returned %v, want an error about Batch", err)
	}
}
