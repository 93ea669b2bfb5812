package projection

import "sync"

// signal is a flag that can end a wait.
type signal struct {
	mu     sync.Mutex
	on     bool
	cancel func() // ends the wait under way
}

func (s *signal) set() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = true
	if s.cancel != nil {
		s.cancel()
	}
}

func (s *signal) isSet() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.on
}

// take reports whether it was set, and is not any more.
func (s *signal) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	on := s.on
	s.on = false
	return on
}

// call makes set call cancel, at once when it is set, until the returned function is called.
func (s *signal) call(cancel func()) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel = cancel
	if s.on {
		cancel()
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cancel = nil
	}
}
