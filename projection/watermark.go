package projection

import (
	"sync"

	"github.com/oxbow-events/oxbow/store"
)

// watermark is what others in this process wait for.
type watermark struct {
	mu       sync.Mutex
	works    bool           // whether this process applies events, so that position is right
	position store.Position // of the live generation
	moved    chan struct{}  // closed and replaced whenever something changes
}

func newWatermark() *watermark { return &watermark{moved: make(chan struct{})} }

func (w *watermark) set(works bool, position store.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.works, w.position = works, position
	w.wake()
}

// touch tells those who wait that the state may have changed otherwise.
func (w *watermark) touch() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake()
}

func (w *watermark) wake() {
	close(w.moved)
	w.moved = make(chan struct{})
}

func (w *watermark) look() (works bool, position store.Position, moved <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.works, w.position, w.moved
}
