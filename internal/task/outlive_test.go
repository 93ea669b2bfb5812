package task_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/internal/task"
)

func TestOutliveEndsAWhileAfterItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
		longer, release := task.Outlive(ctx, time.Minute)
		defer release()
		time.Sleep(time.Hour)
		stop()
		stopped := time.Now()
		if synctest.Wait(); longer.Err() != nil || longer.Value(key{}) != "kept" {
			t.Errorf("the longer context has ended at once with %v, or has no values", longer.Err())
		}
		<-longer.Done()
		if after := time.Since(stopped); after != time.Minute {
			t.Errorf("it ended after %v, want a minute", after)
		}
	})
}

func TestReleaseEndsALongerContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		ctx, stop := context.WithCancel(t.Context())
		longer, release := task.Outlive(ctx, time.Hour)
		release()
		release()
		stop()
		if longer.Err() == nil {
			t.Error("it goes on")
		}
	})
}

func TestEndedKeepsTheErrorOfWhatWasNotToldToStop(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	failure := errors.New("failed")
	if err := task.Ended(ctx, failure); err != failure {
		t.Errorf("before the end it is %v", err)
	}
	stop()
	if err := task.Ended(ctx, failure); err != nil {
		t.Errorf("after the end it is %v", err)
	}
}

type key struct{}
