package oxbow

import (
	"cmp"
	"slices"

	"github.com/oxbow-events/oxbow/schedule"
)

// Schedules returns the schedules that the app's store has: to make, list and cancel them. What they publish goes to subscriptions too, and
// sync ones hold up other firings. Run fires them if Schedules was called before it.
func (a *App) Schedules() *schedule.Scheduler {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.run == nil && !slices.Contains(a.workers, Worker(a.schedules)) {
		a.workers = append(a.workers, a.schedules)
	}
	return a.schedules
}

func (a *App) schedulable() {
	c := a.cfg.Schedules
	c.Committer, c.Source, c.Logger = a, cmp.Or(c.Source, a.cfg.Source), cmp.Or(c.Logger, a.cfg.Logger)
	var err error
	if a.schedules, err = schedule.New(a.store, c); err != nil {
		a.note(err)
		a.schedules, _ = schedule.New(a.store, schedule.Config{Committer: a}) // which is right
	}
}
