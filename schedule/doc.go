// Package schedule publishes events at a time, after a delay, at every interval, or when a clock on the wall shows what a cron expression says.
//
//	s, err := schedule.New(st, schedule.Config{})
//	_, err = s.At(ctx, "reminder-42", dueDate, SendReminder{Invoice: "42"})
//	_, err = s.Cron(ctx, "close-books", "0 9 * * mon", "Europe/Berlin", CloseBooks{})
//	err = s.Run(ctx) // fires them
//
// Schedules are kept in the store, so they fire whoever made them, also after a restart. [Scheduler.Run] fires them; it may run in several processes
// of one store at the same time. What fires is an event like any other, which consumers, projections and subscriptions get: its data, type,
// stream, tags and headers are those that the schedule was given, its time is when it fired, and two headers say of which schedule it is and when
// it was due; see [Of].
//
// [Scheduler.Get] and [Scheduler.List] show schedules; [Scheduler.Cancel], [Scheduler.Pause], [Scheduler.Resume] and [Scheduler.RunNow] change what
// they do. [Scheduler.PublishAt] and [Scheduler.PublishAfter] are for an event that is only to be published later.
//
// # Clocks
//
// Schedules are due by the clock on the wall. One that is set forward makes what was passed over due; one that is set back makes all wait for it,
// but nothing fires twice. Either is noticed within two times Config.Poll. The intervals of Every are measured by the same clock.
//
// Time zones are the machine's, or those of time/tzdata if the program imports that. The next due time of a schedule is stored, so new rules of a
// zone count from the one after it. See [Cron.Next] for what happens where the clock of a zone is set.
//
// # Downtime
//
// What was due while nobody ran schedules is fired as soon as somebody does. If it is less late than Config.Late, each due time is fired; else the
// schedule's [Misfire] says: FireOnce, the default, FireAll or Skip.
//
// # Guarantees
//
//   - Exactly once: each due time has one event, however many schedulers run, and wherever one crashes. A firing is one commit: the event, what is
//     stored of the schedule, and its next due time. The event's id is made of the schedule's name and the due time.
//   - Durable: a schedule that was made fires after any restart.
//   - Not early: no event is published before it is due.
//   - No drift: the due times of Every are whole intervals from its beginning, however late they are fired.
//   - Names are identity: making a schedule again does nothing when it is defined alike, and is refused when it is not, unless [Replace] is given.
//   - A schedule that is cancelled or paused does not fire from then on.
//   - After downtime each schedule does what its policy says. However much was missed, commits stay small, and other schedules go on.
//   - Clocks that are set do what is documented, in every zone.
//   - A schedule that cannot be fired halts alone. List shows it with the reason.
//   - Causation: events have the correlation id, user and trace of whoever made the schedule, and name what caused it as their cause.
//   - A million schedules take no more memory than Config.Window does; the others stay in the store. There is one timer for all.
//   - What another scheduler writes is noticed within Config.Poll.
//   - What is due at the same time is published together, in commits of at most Config.Batch events.
package schedule
