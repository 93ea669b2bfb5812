package main

import (
	"context"
	"errors"
	"sync"

	"github.com/oxbow-events/oxbow/bench/messaging"
	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/event"
)

// buses returns Oxbow and the peers that do what a bus does.
func buses() []messaging.Bus {
	oxbow := messaging.Bus{Name: oxbowName, Sync: newOxbowBus(), Queued: newOxbowBus(bus.Queued(bus.Queue{}))}
	return append([]messaging.Bus{oxbow}, messaging.Buses()...)
}

// oxbowBus is Oxbow's bus as the peers are. Every event has an id, a time and causation, and so has each handler's context.
type oxbowBus struct{ bus *bus.Bus }

func newOxbowBus(opts ...bus.Option) func(int, messaging.Handle) (messaging.Publisher, error) {
	return func(subscribers int, h messaging.Handle) (messaging.Publisher, error) {
		b := bus.New(bus.Config{})
		for i := range subscribers {
			_, err := bus.Subscribe(b, func(_ context.Context, e event.Event[messaging.Order]) error {
				h(i, e.Data)
				return nil
			}, opts...)
			if err != nil {
				return nil, err
			}
		}
		return oxbowBus{b}, nil
	}
}

func (b oxbowBus) Publish(ctx context.Context, o messaging.Order) error {
	return bus.Publish(ctx, b.bus, o)
}

func (b oxbowBus) Close() error { return b.bus.Close(context.Background()) }

// way is a way to subscribe.
type way func(messaging.Bus) func(int, messaging.Handle) (messaging.Publisher, error)

func newFeeds(subscribers int, h messaging.Handle) (messaging.Publisher, error) {
	b := bus.New(bus.Config{})
	feed, err := bus.Broadcast[messaging.Order](b, bus.Ring{})
	if err != nil {
		return nil, err
	}
	f := &feeds{oxbowBus: oxbowBus{b}}
	for i := range subscribers {
		events := feed.All(context.Background())
		f.readers.Go(func() {
			for e, err := range events {
				if missed, ok := errors.AsType[*bus.MissedError](err); ok {
					for range missed.Count {
						h(i, messaging.Order{})
					}
					continue
				}
				h(i, e.Data)
			}
		})
	}
	return f, nil
}

// feeds is Oxbow's bus with readers of a feed. What a slow one misses is counted as handled: publishing never waits for readers.
type feeds struct {
	oxbowBus
	readers sync.WaitGroup
}

func (f *feeds) Close() error {
	err := f.oxbowBus.Close()
	f.readers.Wait()
	return err
}

func inSync(b messaging.Bus) func(int, messaging.Handle) (messaging.Publisher, error) { return b.Sync }

func queued(b messaging.Bus) func(int, messaging.Handle) (messaging.Publisher, error) {
	return b.Queued
}

// preparePublish returns publishing until all subscribers have handled everything.
func preparePublish(how way, subscribers int) func(context.Context, *env) ([]contender, error) {
	return func(_ context.Context, e *env) (contenders []contender, err error) {
		n := e.n(max(100_000/subscribers, 300), 20)
		for _, b := range buses() {
			c := contender{name: b.Name, does: b.Does, missing: b.Missing, events: n}
			start := how(b)
			if start == nil && b.Missing == "" {
				continue
			}
			if b.Missing == "" {
				if c.side, err = publishing(e, start, subscribers, n); err != nil {
					return nil, &contenderError{b.Name, err}
				}
			}
			contenders = append(contenders, c)
		}
		return contenders, nil
	}
}

func publishing(e *env, start func(int, messaging.Handle) (messaging.Publisher, error), subscribers, n int) (side, error) {
	a := newArrivals(subscribers)
	p, err := start(subscribers, a.handle)
	if err != nil {
		return nil, err
	}
	e.onClose(p.Close)
	return all(n, func(ctx context.Context) error {
		a.expect(n)
		for range n {
			if err := p.Publish(ctx, messaging.Order{Order: "42", Cents: 1999}); err != nil {
				return err
			}
		}
		a.all.Wait()
		return nil
	}), nil
}

// arrivals counts what arrives, for each subscriber by itself.
type arrivals struct {
	at  []arrived
	all sync.WaitGroup // of the subscribers that have not got everything yet
}

type arrived struct {
	got, want int
	_         [112]byte // so that subscribers do not share a cache line
}

func newArrivals(subscribers int) *arrivals { return &arrivals{at: make([]arrived, subscribers)} }

// expect says that each subscriber will get so many more. It is called before they are published.
func (a *arrivals) expect(n int) {
	a.all.Add(len(a.at))
	for i := range a.at {
		a.at[i].want += n
	}
}

func (a *arrivals) handle(subscriber int, _ messaging.Order) {
	s := &a.at[subscriber]
	if s.got++; s.got == s.want {
		a.all.Done()
	}
}

const onePublisher = "one publisher"

// preparePublishers returns eight publishers at once beside one that publishes as much.
func preparePublishers(_ context.Context, e *env) ([]contender, error) {
	b := bus.New(bus.Config{})
	_, err := bus.Subscribe(b, func(context.Context, event.Event[messaging.Order]) error { return nil })
	if err != nil {
		return nil, err
	}
	n := e.n(100_000, 80)
	publish := func(ctx context.Context) error {
		return oxbowBus{b}.Publish(ctx, messaging.Order{Order: "42", Cents: 1999})
	}
	return []contender{
		{name: oxbowName, events: n, side: all(n, atOnce(8, repeat(n/8, publish)))},
		{name: onePublisher, does: "Oxbow with one publisher in place of eight", events: n, side: all(n, repeat(n, publish))},
	}, nil
}

// prepareBroadcast returns publishing until so many readers of one feed have all.
func prepareBroadcast(readers int) func(context.Context, *env) ([]contender, error) {
	return func(_ context.Context, e *env) ([]contender, error) {
		n := e.n(20_000, 20)
		oxbow, err := publishing(e, newFeeds, readers, n)
		if err != nil {
			return nil, err
		}
		channels, err := publishing(e, messaging.Buses()[1].Queued, readers, n)
		return []contender{
			{name: oxbowName, events: n, side: oxbow},
			{name: messaging.Buses()[1].Name, does: messaging.Buses()[1].Does, events: n, side: channels},
		}, err
	}
}
