package telemetry

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
)

// other stands for every name beyond the bound.
const other = "other"

// names lets the first names pass, up to a number, and calls the rest other.
type names struct {
	max   int
	known sync.Map // of the names that pass
	full  atomic.Bool

	mu    sync.Mutex
	count int
}

// bound returns the name, or other. A name that no event could have does not use up the bound.
func (n *names) bound(name string) string {
	if name == "" {
		return ""
	}
	if _, ok := n.known.Load(name); ok {
		return name
	}
	if n.full.Load() || event.CheckName("name", name) != nil {
		return other
	}
	return n.add(strings.Clone(name))
}

func (n *names) add(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.known.Load(name); ok {
		return name
	}
	if n.count == n.max {
		n.full.Store(true)
		return other
	}
	n.count++
	n.known.Store(name, struct{}{})
	return name
}
