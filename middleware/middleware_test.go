package middleware_test

import (
	"context"
	"slices"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

func TestFirstOfAChainIsTheOutermost(t *testing.T) {
	var order []string
	step := func(name string) middleware.Func {
		return func(next middleware.Handler) middleware.Handler {
			return func(ctx context.Context, c *middleware.Call) (any, error) {
				order = append(order, name)
				defer func() { order = append(order, name) }()
				return next(ctx, c)
			}
		}
	}
	handle := middleware.Chain(step("a"), step("b"))(func(context.Context, *middleware.Call) (any, error) {
		order = append(order, "handler")
		return 7, nil
	})
	result, err := handle(t.Context(), &middleware.Call{Kind: middleware.Command, Metadata: &event.Metadata{}})
	if result != 7 || err != nil {
		t.Errorf("the chain returned %v, %v; want what the handler did", result, err)
	}
	if want := []string{"a", "b", "handler", "b", "a"}; !slices.Equal(order, want) {
		t.Errorf("order was %v, want %v", order, want)
	}
}
