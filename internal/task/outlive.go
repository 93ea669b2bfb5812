package task

import (
	"context"
	"time"
)

// Outlive returns a context that ends a while after ctx does, or when release is called: what is under way when its caller is told to stop may
// finish. release waits for the goroutine behind it.
func Outlive(ctx context.Context, by time.Duration) (longer context.Context, release func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-ctx.Done():
		case <-longer.Done():
			return
		}
		late := time.NewTimer(by)
		defer late.Stop()
		select {
		case <-late.C:
			cancel()
		case <-longer.Done():
		}
	}()
	return longer, func() { cancel(); <-ended }
}

// Ended turns the error of what was told to stop, because ctx has ended, into nil.
func Ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
