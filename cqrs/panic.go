package cqrs

import (
	"runtime/debug"

	"github.com/oxbow-events/oxbow/middleware"
)

// catch, deferred, makes an error of a panic.
func catch(err *error) {
	if v := recover(); v != nil {
		*err = &middleware.PanicError{Value: v, Stack: debug.Stack()}
	}
}
