package httpevent

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// whereItPanicked returns the function and line in which the handler's panic began, such as "shop.(*Orders).place orders.go:42". It
// is called by what is deferred around the handler, while the stack of the panic still stands.
func whereItPanicked() string {
	var stack [128]uintptr
	frames := runtime.CallersFrames(stack[:runtime.Callers(1, stack[:])])
	where, wanted := "", false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			wanted = true // a panic within what was deferred for another one: that one, further down, was the first
		case wanted && !strings.HasPrefix(f.Function, "runtime."):
			where, wanted = fmt.Sprintf("%s %s:%d", path.Base(f.Function), path.Base(f.File), f.Line), false
		}
		if !more || strings.HasSuffix(f.Function, "/httpevent.(*exchange).serve") {
			return where
		}
	}
}
