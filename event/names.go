package event

import (
	"sync/atomic"
	"unsafe"

	"github.com/oxbow-events/oxbow/internal/spread"
)

// names joins short texts into names that share memory, half a kilobyte for dozens of them, where each would be an allocation of its
// own. A name that is kept keeps its page.
type names [spread.Ways]struct {
	page atomic.Pointer[page]
	_    [56]byte
}

// page is filled from the front. What is filled never changes.
type page struct {
	used  atomic.Uint32
	bytes [508]byte
}

// longest is how long a name on a page may be. Longer ones would fill it too soon.
const longest = 64

// join returns both with a hyphen between them.
func (n *names) join(first, second string) string {
	size := len(first) + len("-") + len(second)
	if size > longest {
		return first + "-" + second
	}
	at := &n[spread.Pick()].page
	for {
		p := at.Load()
		if p != nil {
			if end := int(p.used.Add(uint32(size))); end <= len(p.bytes) {
				return p.write(end-size, first, second)
			}
		}
		at.CompareAndSwap(p, new(page))
	}
}

// write fills in what was reserved from begin on.
func (p *page) write(begin int, first, second string) string {
	end := begin + copy(p.bytes[begin:], first)
	end += copy(p.bytes[end:], "-")
	end += copy(p.bytes[end:], second)
	return unsafe.String(&p.bytes[begin], end-begin)
}
