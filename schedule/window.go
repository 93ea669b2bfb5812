package schedule

import (
	"sync"

	"github.com/oxbow-events/oxbow/internal/due"
)

// window is what a run holds of the due index: keys that are due soon, and those that are being fired. Its size bounds it; what does not go in
// stays in the store until there is room.
type window struct {
	size  int
	queue *due.Queue[string]

	mu   sync.Mutex
	held map[string]struct{} // queued, or being fired

	room chan struct{} // has a token when the window has become half empty
}

func (s *Scheduler) newWindow() *window {
	w := &window{size: s.cfg.Window, queue: due.New[string](), held: map[string]struct{}{}, room: make(chan struct{}, 1)}
	w.queue.Now = s.now
	return w
}

// add puts a key in, unless it is in already, and reports whether it is in now.
func (w *window) add(key string) bool {
	queued, _, ok := splitDue(key)
	if !ok {
		return true // nobody's
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.held[key]; ok {
		return true
	}
	if len(w.held) >= w.size {
		return false
	}
	w.held[key] = struct{}{}
	w.queue.Add(queued, key)
	return true
}

// done lets go of keys that were taken from the queue.
func (w *window) done(keys ...string) {
	w.mu.Lock()
	for _, key := range keys {
		delete(w.held, key)
	}
	halfEmpty := len(w.held) <= w.size/2
	w.mu.Unlock()
	if !halfEmpty {
		return
	}
	select {
	case w.room <- struct{}{}:
	default:
	}
}

func (w *window) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.held)
}
