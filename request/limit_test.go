package request_test

import (
	"math"
	"testing"

	"github.com/oxbow-events/oxbow/request"
)

func TestALimitMayLetAnyNumberWait(t *testing.T) {
	c, _ := over(t, request.Config{})
	handle(t, c, oak, request.Limit(1, math.MaxInt))
	if got, err := ask(t, c); err != nil || got.Cents != 995 {
		t.Errorf("Do returned %v, %v", got, err)
	}
}
