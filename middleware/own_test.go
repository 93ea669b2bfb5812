package middleware_test

import (
	"context"
	"fmt"

	"github.com/oxbow-events/oxbow/middleware"
)

// tenantOnly refuses calls that carry another tenant's header, or none.
func tenantOnly(tenant string) middleware.Func {
	return func(next middleware.Handler) middleware.Handler {
		return func(ctx context.Context, c *middleware.Call) (any, error) {
			if got := c.Metadata.Headers["tenant"]; got != tenant {
				return nil, middleware.Permanent(fmt.Errorf("%s is for tenant %q, not %q", c.Name, tenant, got))
			}
			return next(ctx, c)
		}
	}
}

func ExampleFunc() {
	handle := tenantOnly("north")(func(context.Context, *middleware.Call) (any, error) { return "placed", nil })
	c := order("order-42", nil)
	for _, tenant := range []string{"north", "south"} {
		c.Metadata.Headers = map[string]string{"tenant": tenant}
		fmt.Println(handle(context.Background(), c))
	}
	// Output:
	// placed <nil>
	// <nil> order.place is for tenant "north", not "south"
}
