package oxbow

import "slices"

// Workers returns the consumers, projections and schedules that Run runs, in the order in which they were added.
func (a *App) Workers() []Worker {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.workers)
}
