package httpevent

import (
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// after is what events are published with: the values of the server's context without its end, because the client may be gone, and
// what happened is true all the same. Where context.WithoutCancel would allocate for each value, it is one pointer.
type after struct{ request *event.CauseContext }

func (after) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

func (after) Done() <-chan struct{} { return nil }

func (after) Err() error { return nil }

// Value leaves out the cause that the handler had: the request's event did not cause itself.
func (a after) Value(key any) any { return a.request.Context.Value(key) }
