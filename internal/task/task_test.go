package task_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/oxbow-events/oxbow/internal/task"
)

func TestFirstFailureCancelsTheRestAndIsReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("first")
		work, ctx := task.New(t.Context())
		ended := 0
		work.Go(func() error { <-ctx.Done(); ended++; return ctx.Err() })
		work.Go(func() error { return failure })
		if err := work.Wait(); err != failure {
			t.Errorf("Wait returned %v, want the first failure", err)
		}
		if ended != 1 {
			t.Error("the other function was not cancelled and waited for")
		}
	})
}

func TestContextEndsAfterWait(t *testing.T) {
	work, ctx := task.New(t.Context())
	work.Go(func() error { return nil })
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Errorf("the context outlives the group: %v", ctx.Err())
	}
}
