package schedule

import (
	"context"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Option sets what is rare about a schedule.
type Option func(*options)

type options struct {
	misfire Misfire
	replace bool
	from    time.Time
	event   []event.Option
}

// OnMisfire says what becomes of due times that passed while nobody ran schedules; the default is FireOnce.
func OnMisfire(m Misfire) Option { return func(o *options) { o.misfire = m } }

// Replace has the schedule take the place of another one of its name: from now on, since what was due before stays as it was. One that is
// paused stays paused, and one that is defined alike stays as it is.
func Replace() Option { return func(o *options) { o.replace = true } }

// From sets where the intervals of Every are counted from, which is otherwise when the schedule was made. With one that is to come, that is the
// first due time; with one that has passed, due times are where they would be if there had always been that schedule. It is for Every alone.
func From(t time.Time) Option { return func(o *options) { o.from = t } }

// With sets what the events say of themselves, as for event.New: stream, topic, tags and so on. Their id and time are made when they fire.
func With(opts ...event.Option) Option {
	return func(o *options) { o.event = append(o.event, opts...) }
}

// At has data published at a time, once; at once if that has passed. The schedule's name is its identity: making it again, defined alike, does
// nothing, so that whoever was interrupted does it again; defined otherwise, it is refused with an [*ExistsError] unless [Replace] is given.
// Data are what event.New takes. After it has fired, a schedule like this is gone; made again for the same time, it does not fire again
// while the store knows its first event.
func (s *Scheduler) At(ctx context.Context, name string, when time.Time, data any, opts ...Option) (Schedule, error) {
	return s.set(ctx, name, timing{Kind: kindAt, At: when.UTC().Round(0)}, data, opts)
}

// After has data published after a delay, once. Otherwise it is [Scheduler.At]. Made again before it has fired, it fires when it would have; made
// again after that, it is a new one: in a handler that may be called again, At with a time made of the event's is better.
func (s *Scheduler) After(ctx context.Context, name string, delay time.Duration, data any, opts ...Option) (Schedule, error) {
	if delay < 0 {
		return Schedule{}, named(name, event.Invalid("delay", "is %v", delay))
	}
	return s.set(ctx, name, timing{Kind: kindAfter, Length: delay}, data, opts)
}

// Every has data published again and again, for the first time when one interval has passed; see [From] for another time. The shortest
// interval is 1ms. Due times are whole intervals from the first, however late they are fired. Name and data are those of [Scheduler.At].
func (s *Scheduler) Every(ctx context.Context, name string, interval time.Duration, data any, opts ...Option) (Schedule, error) {
	return s.set(ctx, name, timing{Kind: kindEvery, Length: interval}, data, opts)
}

// Cron has data published whenever the clock of a time zone shows what the expression says; see [ParseCron] for what it may say, and
// [Cron.Next] for what happens where that clock is set. The zone is a name of the IANA database, such as Europe/Berlin; none is UTC. Zones are
// the machine's, or those of package time/tzdata if the program imports it. Name and data are those of [Scheduler.At].
func (s *Scheduler) Cron(ctx context.Context, name, expression, zone string, data any, opts ...Option) (Schedule, error) {
	return s.set(ctx, name, timing{Kind: kindCron, Cron: expression, Zone: zone}, data, opts)
}

// PublishAt has data published at a time, once; at once if that has passed. It returns the name that it made for the schedule. Each call is a
// new one: for what may be called again, there is [Scheduler.At].
func (s *Scheduler) PublishAt(ctx context.Context, when time.Time, data any, opts ...event.Option) (name string, err error) {
	name = newName()
	_, err = s.At(ctx, name, when, data, With(opts...))
	return name, err
}

// PublishAfter has data published after a delay, once, and is otherwise [Scheduler.PublishAt].
func (s *Scheduler) PublishAfter(ctx context.Context, delay time.Duration, data any, opts ...event.Option) (name string, err error) {
	name = newName()
	_, err = s.After(ctx, name, delay, data, With(opts...))
	return name, err
}

func newName() string { return "publish/" + event.NewID().String() }

// set makes a schedule.
func (s *Scheduler) set(ctx context.Context, name string, t timing, data any, opts []Option) (Schedule, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	wanted, err := s.define(ctx, name, t, data, &o)
	if err != nil {
		return Schedule{}, named(name, err)
	}
	c, _, err := s.change(ctx, name, func(c *change, unreadable error) error {
		return c.define(*wanted, unreadable, o.replace, s.now())
	})
	if err != nil {
		return Schedule{}, err
	}
	return describe(name, c.after), nil
}

// maxData is how much data a schedule's events may have. They are written each time that the schedule fires.
const maxData = 8 << 20

// define returns the schedule that is asked for, and refuses one that could not be stored or fired.
func (s *Scheduler) define(ctx context.Context, name string, t timing, data any, o *options) (*state, error) {
	if err := event.CheckName("schedule name", name); err != nil {
		return nil, err
	}
	if err := o.misfire.check(); err != nil {
		return nil, err
	}
	if !o.from.IsZero() && t.Kind != kindEvery {
		return nil, event.Invalid("from", "is set, and the schedule is no interval; From is for Every alone")
	}
	if t.From = o.from; !t.From.IsZero() {
		t.From = t.From.UTC().Round(0)
	}
	r, err := s.prototype(ctx, data, o.event)
	if err != nil {
		return nil, err
	}
	wanted := &state{Format: format, Timing: t, Misfire: o.misfire, Event: newTemplate(&r), Cause: newCause(&r), Created: s.now()}
	times, err := s.calendar(&t, wanted.Created)
	if err != nil {
		return nil, err
	}
	if wanted.Next = times.first(wanted.Created); wanted.Next.IsZero() {
		return nil, event.Invalid("timing", "%s is never due", &t)
	}
	if len(r.Data) > maxData {
		return nil, event.Invalid("data", "have %d bytes, the limit of a schedule's is %d; keep them elsewhere, and say where", len(r.Data), maxData)
	}
	firing := store.Commit{Events: []event.Record{wanted.record(name, r.ID, wanted.Next, wanted.Created)}}
	if err := firing.Check(); err != nil {
		return nil, err
	}
	return wanted, nil
}

// prototype makes the event that firings are copies of.
func (s *Scheduler) prototype(ctx context.Context, data any, opts []event.Option) (event.Record, error) {
	var given event.Metadata
	opts = append(opts[:len(opts):len(opts)], func(e *event.Event[any]) { given = e.Metadata })
	e, err := event.New(ctx, data, opts...)
	switch {
	case err != nil:
		return event.Record{}, err
	case !given.ID.IsZero():
		return event.Record{}, event.Invalid("id", "is given; the id of an event is made when it fires, of the schedule's name and the due time")
	case !given.Time.IsZero():
		return event.Record{}, event.Invalid("time", "is given; the time of an event is when it fires")
	case given.Headers[HeaderName] != "" || given.Headers[HeaderDue] != "":
		return event.Record{}, event.Invalid("headers", "%s and %s are the scheduler's", HeaderName, HeaderDue)
	}
	if e.Source == "" {
		e.Source = s.cfg.Source
	}
	return s.store.Registry().Encode(e)
}

// define puts the schedule in its place, unless there is one.
func (c *change) define(wanted state, unreadable error, replace bool, now time.Time) error {
	c.after = &wanted
	switch {
	case c.before != nil && c.before.same(&wanted):
		c.after = c.before
		return errUnchanged
	case c.revision > 0 && !replace:
		return c.exists(&wanted, unreadable)
	case c.before != nil:
		old := c.before
		wanted.Paused, wanted.Fired, wanted.LastDue, wanted.LastFired = old.Paused, old.Fired, old.LastDue, old.LastFired
	}
	if !wanted.Paused {
		wanted.queue(now)
	}
	return nil
}

func (c *change) exists(wanted *state, unreadable error) error {
	e := &ExistsError{Name: c.name, Want: wanted.Timing.String(), Err: unreadable}
	if c.before != nil {
		e.Have = c.before.Timing.String()
		e.Event = !c.before.Event.equal(&wanted.Event) || c.before.Misfire != wanted.Misfire
	}
	return e
}
