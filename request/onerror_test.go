package request_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/request"
)

func TestAnOnErrorThatPanicsEndsNothing(t *testing.T) {
	c, b := over(t, request.Config{OnError: func(context.Context, event.Event[any], error) { panic("again") }})
	if _, err := b.SubscribeTopic("**", func(context.Context, event.Event[any]) error { return errors.New("no") }); err != nil {
		t.Fatal(err)
	}
	handle(t, c, func(context.Context, PriceAsked) (Price, error) { panic("first") })
	_, err := ask(t, c)
	var failed *request.Error
	if !errors.As(err, &failed) || failed.Code != request.CodePanic {
		t.Errorf("Do returned %v", err)
	}
}
