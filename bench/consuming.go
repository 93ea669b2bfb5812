package main

import (
	"context"
	"fmt"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func prepareConsumer(ctx context.Context, e *env) ([]contender, error) {
	n := e.n(200_000, 300)
	driver := memory.New()
	e.onClose(driver.Close)
	st := store.New(driver, store.Config{})
	if err := fill(ctx, oxbowLog{st}, n); err != nil {
		return nil, err
	}
	runs := 0
	consume := func(ctx context.Context) error {
		runs++ // each time another consumer, which begins at the beginning
		c, err := consumer.New(st, fmt.Sprint("bench-", runs), consumer.Config{},
			consumer.OnRecord(func(context.Context, event.Record) error { return nil }))
		if err != nil {
			return err
		}
		return runUntil(ctx, c, store.Position(n))
	}
	return []contender{
		{name: oxbowName, side: all(n, consume)},
		{name: "bare read", does: "the same records read in a loop, without a consumer", side: all(n, replay(oxbowLog{st}, n))},
	}, nil
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
