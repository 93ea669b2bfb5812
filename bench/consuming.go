package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/task"
	"github.com/oxbow-events/oxbow/store"
)

// filledStore returns an Oxbow with n events, which writes synced from now on, and the data of the events.
func filledStore(ctx context.Context, e *env, n int) (st *store.Store, data [][]byte, err error) {
	dir, err := e.folder()
	if err != nil {
		return nil, nil, err
	}
	if err := filled(stores()[0], dir, func(l peers.Log) error { return interleave(ctx, l.(oxbowLog).store, n) }); err != nil {
		return nil, nil, err
	}
	l, err := openOxbow(dir, true)
	if err != nil {
		return nil, nil, err
	}
	e.onClose(l.Close)
	st = l.(oxbowLog).store
	err = l.Replay(ctx, func(r *event.Record) { data = append(data, slices.Clone(r.Data)) })
	return st, data, errors.Join(err, event.Register[order](st.Registry()))
}

// interleave appends n events, one to each stream in turn.
func interleave(ctx context.Context, st *store.Store, n int) error {
	for first := 0; first < n; first += streams {
		if _, err := st.Commit(ctx, store.Commit{Events: scattered(first, min(first+streams, n), streams)}); err != nil {
			return err
		}
	}
	return nil
}

// consuming returns a side in which a new consumer, which begins at the beginning, handles the n events of a store.
func consuming(st *store.Store, n int, cfg consumer.Config, h consumer.Handler) side {
	runs := 0
	return all(n, func(ctx context.Context) error {
		runs++
		c, err := consumer.New(st, fmt.Sprint("bench-", runs), cfg, h)
		if err != nil {
			return err
		}
		return runUntil(ctx, c, store.Position(n))
	})
}

func prepareConsumer(ctx context.Context, e *env) ([]contender, error) {
	n := e.n(300_000, 300)
	st, _, err := filledStore(ctx, e, n)
	if err != nil {
		return nil, err
	}
	empty := consumer.OnRecord(func(context.Context, event.Record) error { return nil })
	return []contender{
		{name: oxbowName, side: consuming(st, n, consumer.Config{}, empty)},
		{name: "bare read", does: "the same records read in a loop, without a consumer", durability: inFile, side: all(n, replay(oxbowLog{st}, n))},
	}, nil
}

func prepareTypedConsumer(ctx context.Context, e *env) ([]contender, error) {
	n := e.n(300_000, 300)
	st, data, err := filledStore(ctx, e, n)
	if err != nil {
		return nil, err
	}
	empty := consumer.On(func(context.Context, event.Event[order]) error { return nil })
	return []contender{
		{name: oxbowName, side: consuming(st, n, consumer.Config{}, empty)},
		{name: decoderName, side: all(n, func(context.Context) error { return decodeAll(data) })},
	}, nil
}

// prepareItems measures a consumer that keeps how many events each stream had.
func prepareItems(ctx context.Context, e *env) ([]contender, error) {
	n := filledEvents(e)
	st, _, err := filledStore(ctx, e, n)
	if err != nil {
		return nil, err
	}
	counting := consumer.OnRecord(func(ctx context.Context, r event.Record) error {
		return consumer.Transaction(ctx).Put("bench", r.Stream, strconv.AppendUint(nil, r.Revision, 10))
	})
	each := e.n(2000, 20) // one sync each
	return []contender{
		{name: oxbowName, side: consuming(st, n, consumer.Config{}, counting)},
		{name: "commit each", does: "a loop that reads the same records, and commits each one's item with its position", side: all(each, func(ctx context.Context) error {
			return commitEach(ctx, st, each)
		})},
	}, nil
}

// commitEach is what one would do without a consumer: each event's item and how far one is are one commit.
func commitEach(ctx context.Context, st *store.Store, n int) error {
	for r, err := range st.Read(ctx, store.Query{Limit: n}) {
		if err != nil {
			return err
		}
		_, err = st.Commit(ctx, store.Commit{Items: []store.ItemWrite{
			store.Put("bench-each", r.Stream, strconv.AppendUint(nil, r.Revision, 10)),
			store.Put("bench-each", "position", strconv.AppendUint(nil, uint64(r.Position), 10)),
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// prepareDelivery measures how long after an append is acknowledged a handler is called, when there is nothing else to do.
func prepareDelivery(_ context.Context, e *env) ([]contender, error) {
	dir, err := e.folder()
	if err != nil {
		return nil, err
	}
	l, err := openOxbow(dir, true)
	if err != nil {
		return nil, err
	}
	e.onClose(l.Close)
	st, runs := l.(oxbowLog).store, 0
	d := delivery{appender: newAppender(l, 0, 1), n: e.n(1000, 10), pause: e.pause()}
	return []contender{
		{name: oxbowName, side: d.to(func(ctx context.Context, called func()) error {
			runs++
			c, err := consumer.New(st, fmt.Sprint("bench-", runs), consumer.Config{},
				consumer.OnRecord(func(context.Context, event.Record) error { called(); return nil }))
			if err != nil {
				return err
			}
			return c.Run(ctx)
		})},
		{name: "Follow", does: "a loop over Store.Follow, which remembers nothing", durability: inFile, side: d.to(func(ctx context.Context, called func()) error {
			for _, err := range st.Follow(ctx, store.Query{}) {
				if err != nil && ctx.Err() != nil {
					return nil
				}
				if err != nil {
					return err
				}
				called()
			}
			return nil
		})},
	}, nil
}

// delivery is what is measured of somebody who is called for each event.
type delivery struct {
	appender *appender
	appended uint64
	n        int
	pause    time.Duration // after each call, until what follows from it is done
}

// to returns the 99th percentile of the time from the acknowledgement of an append until its event is handled by run.
func (d *delivery) to(run func(ctx context.Context, called func()) error) side {
	return func(ctx context.Context) (took cost, err error) {
		ctx, stop := context.WithCancel(ctx)
		work, inner := task.New(ctx)
		calls := make(chan time.Time, 1024)
		work.Go(func() error {
			return run(inner, func() {
				select {
				case calls <- time.Now():
				case <-inner.Done():
				}
			})
		})
		work.Go(func() (err error) {
			defer stop()
			took, err = d.measure(inner, calls)
			return err
		})
		return took, work.Wait()
	}
}

func (d *delivery) measure(ctx context.Context, calls <-chan time.Time) (cost, error) {
	for range d.appended { // earlier ones, with which everybody begins
		if _, err := received(ctx, calls); err != nil {
			return 0, err
		}
	}
	var took []time.Duration
	for range d.n {
		if err := d.appender.append(ctx, 1); err != nil {
			return 0, err
		}
		acknowledged := time.Now()
		d.appended++
		called, err := received(ctx, calls)
		if err != nil {
			return 0, err
		}
		took = append(took, max(called.Sub(acknowledged), 1)) // it may have been called before
		time.Sleep(d.pause)
	}
	slices.Sort(took)
	return cost(took[len(took)*99/100]), nil
}

func received(ctx context.Context, calls <-chan time.Time) (time.Time, error) {
	select {
	case at := <-calls:
		return at, nil
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// runUntil runs the consumer until it has handled everything up to the position.
func runUntil(ctx context.Context, c *consumer.Consumer, position store.Position) error {
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- c.Run(running) }()
	waiting, giveUp := context.WithCancel(ctx)
	defer giveUp()
	reached := make(chan error, 1)
	go func() { reached <- c.WaitFor(waiting, position) }()
	select {
	case err := <-ended:
		stop()
		giveUp()
		<-reached
		return fmt.Errorf("the consumer ended early: %w", err)
	case err := <-reached:
		stop()
		if failed := <-ended; failed != nil {
			return failed
		}
		return err
	}
}
