package projection

import (
	"context"
	"sync"

	"github.com/oxbow-events/oxbow/store"
)

// watermark is a position that others wait for.
type watermark struct {
	mu       sync.Mutex
	position store.Position
	moved    chan struct{} // closed and replaced whenever position changes
}

func newWatermark() *watermark { return &watermark{moved: make(chan struct{})} }

func (w *watermark) set(position store.Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.position = position
	close(w.moved)
	w.moved = make(chan struct{})
}

func (w *watermark) wait(ctx context.Context, position store.Position) error {
	for {
		w.mu.Lock()
		reached, moved := w.position >= position, w.moved
		w.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
