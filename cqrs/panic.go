package cqrs

import (
	"fmt"
	"runtime/debug"
)

// PanicError is what a panic becomes that no middleware caught.
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

// catch, deferred, makes an error of a panic.
func catch(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Stack: debug.Stack()}
	}
}
