package middleware

import (
	"context"
	"fmt"
	"runtime/debug"
)

// Recover makes a panic further in an error, a [*PanicError], so that those further out see a call that failed. The rooms do the
// same at their edge. A handler that ends its goroutine, as t.FailNow does, ends it.
func Recover() Func {
	return func(next Handler) Handler {
		return func(ctx context.Context, c *Call) (result any, err error) {
			defer func() {
				if v := recover(); v != nil {
					result, err = nil, &PanicError{Value: v, Stack: debug.Stack()}
				}
			}()
			return next(ctx, c)
		}
	}
}

// PanicError is what a handler's panic becomes.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // where, as debug.Stack writes it
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
