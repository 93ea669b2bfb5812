package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

const (
	parkedConsumer = "bench-parked"
	noneParked     = "none parked"
)

// prepareParked measures how fast the keys flow that are not parked, beside very many that are.
func prepareParked(ctx context.Context, e *env) ([]contender, error) {
	many, err := flowing(ctx, e, e.n(1_000_000, 1000))
	if err != nil {
		return nil, err
	}
	none, err := flowing(ctx, e, 0)
	if err != nil {
		return nil, err
	}
	return []contender{
		{name: oxbowName, side: many},
		{name: noneParked, does: "Oxbow, too: the same consumer without dead letters", side: none},
	}, nil
}

// flowing starts a consumer with so many parked keys in a store of its own. The side has it handle records of other keys, which it finds
// when it is resumed.
func flowing(ctx context.Context, e *env, keys int) (side, error) {
	dir, err := e.folder()
	if err != nil {
		return nil, err
	}
	if err := parkKeys(ctx, dir, keys); err != nil {
		return nil, err
	}
	l, err := openOxbow(dir, true)
	if err != nil {
		return nil, err
	}
	e.onClose(l.Close)
	st := l.(oxbowLog).store
	empty := consumer.OnRecord(func(context.Context, event.Record) error { return nil })
	c, err := consumer.New(st, parkedConsumer, consumer.Config{DeadLetters: 2 * keys}, empty)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() {
		defer stop() // so that nobody waits for it
		ended <- c.Run(running)
	}()
	e.onClose(func() error { stop(); return <-ended })
	waitFor := func(ctx context.Context, p store.Position) error {
		waiting, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(running, cancel)()
		return c.WaitFor(waiting, p)
	}
	if err := interleave(ctx, st, 1); err != nil {
		return nil, err
	}
	if err := waitFor(ctx, 1); err != nil {
		return nil, err
	}
	n := e.n(200_000, 300)
	return func(ctx context.Context) (cost, error) {
		if err := c.Pause(ctx); err != nil {
			return 0, err
		}
		if err := interleave(ctx, st, n); err != nil {
			return 0, err
		}
		head, err := st.Head(ctx)
		if err != nil {
			return 0, err
		}
		start := time.Now()
		if err := c.Resume(ctx); err != nil {
			return 0, err
		}
		err = waitFor(ctx, head)
		return cost(time.Since(start)) / cost(n), err
	}, nil
}

// parkKeys puts a dead letter of each of so many keys into a new store, which does not have the records.
func parkKeys(ctx context.Context, dir string, keys int) error {
	l, err := filelog.Open(dir, filelog.Config{NoSync: true, ItemCache: 512 << 20})
	if err != nil {
		return err
	}
	st := store.New(l, store.Config{})
	return errors.Join(parkKeysIn(ctx, st, keys), st.Close())
}

func parkKeysIn(ctx context.Context, st *store.Store, keys int) error {
	const slots, far = 32, 1 << 40
	count := parked.Count{}
	for n := 0; n < keys; {
		var change parked.Change
		for range min(keys-n, 2000) {
			key := fmt.Sprint("parked-", n)
			r := record(key)
			r.Position = store.Position(far + n)
			change.Park = append(change.Park, parked.Letter{
				Record: r, Key: key, Slot: n % slots, State: parked.Failed, Attempts: 5, First: r.Time, Last: r.Time, Error: "card service is down",
			})
			n++
		}
		w, err := parked.Writes(parkedConsumer, count, change)
		if err != nil {
			return err
		}
		receipt, err := st.Commit(ctx, store.Commit{Items: w.Items, Conditions: w.Conditions})
		if err != nil {
			return err
		}
		count = w.Count.At(receipt.ItemRevision)
	}
	return nil
}
