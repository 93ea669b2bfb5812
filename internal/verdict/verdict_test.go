package verdict_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/internal/verdict"
)

func TestMarksAreFoundWhereverTheyAreWrapped(t *testing.T) {
	cause := errors.New("account closed")
	permanent := fmt.Errorf("pay: %w", errors.Join(verdict.Permanent(cause), errors.New("and more")))
	if !verdict.IsPermanent(permanent) || !errors.Is(permanent, cause) {
		t.Errorf("%v is not found to be permanent", permanent)
	}
	if verdict.IsPermanent(cause) || verdict.IsPermanent(nil) {
		t.Error("an error without a mark is permanent")
	}
	later := fmt.Errorf("pay: %w", verdict.After(time.Minute, cause))
	if d, ok := verdict.Wait(later); d != time.Minute || !ok || !errors.Is(later, cause) || later.Error() != "pay: account closed" {
		t.Errorf("%v waits %v, %v", later, d, ok)
	}
	if d, ok := verdict.Wait(verdict.After(-time.Minute, cause)); d != 0 || !ok {
		t.Errorf("a wait before now is %v, %v; want none", d, ok)
	}
	if _, ok := verdict.Wait(cause); ok {
		t.Error("an error without a mark says when to try again")
	}
	if verdict.Permanent(nil) != nil || verdict.After(time.Second, nil) != nil {
		t.Error("no error becomes one")
	}
}
