package lease

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestASlotIsNotHeldOnceTheClockSaysSo is about a process that was paused as a whole: whatever of it runs first afterwards, its watch
// or its worker, must find the slot lost.
func TestASlotIsNotHeldOnceTheClockSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := &Slot{run: &run{lease: newClock()}, ctx: ctx, cancel: cancel}
		time.Sleep(24 * time.Hour) // fake time
		if !s.Held() {
			t.Error("a slot without a lease that runs out is lost")
		}
		s.run.lease.extend(s.run.lease.now() + time.Second)
		time.Sleep(time.Second - time.Nanosecond)
		if !s.Held() {
			t.Error("the slot is lost before its time")
		}
		time.Sleep(time.Nanosecond)
		if s.Held() || context.Cause(ctx) != ErrLost {
			t.Errorf("the slot is held after its time, or its context goes on: %v", context.Cause(ctx))
		}
		s.run.lease.extend(s.run.lease.now() + time.Second)
		if s.Held() {
			t.Error("a renewal gave back a slot that was lost")
		}
	})
}
