package request_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

func TestAnObserverThatEndsTheAskersGoroutineLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, b := over(t, request.Config{})
		handle(t, c, patient)
		if _, err := b.SubscribeTopic("**", func(context.Context, event.Event[any]) error {
			runtime.Goexit()
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var asking sync.WaitGroup
		asking.Go(func() {
			_, err := request.Do[Price](context.WithoutCancel(t.Context()), c, PriceAsked{"oak"})
			t.Errorf("Do returned %v", err)
		})
		asking.Wait()
		if err := c.Close(shortly(t)); err != nil {
			t.Errorf("Close returned %v", err)
		}
	})
}

type badHook struct{}

func (badHook) Publish(context.Context, *event.Metadata) (context.Context, func(error)) {
	panic("hook")
}

func (badHook) Deliver(ctx context.Context, _ string, _ *event.Metadata) (context.Context, func(error)) {
	return ctx, nil
}

func TestAHookThatPanicsInTheAskerLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := request.Over(bus.New(bus.Config{Hook: badHook{}}), request.Config{})
		if err != nil {
			t.Fatal(err)
		}
		func() {
			defer func() {
				if v := recover(); v != "hook" {
					t.Errorf("recovered %v", v)
				}
			}()
			ask(t, c)
		}()
		if err := c.Close(shortly(t)); err != nil {
			t.Errorf("Close returned %v", err)
		}
	})
}
