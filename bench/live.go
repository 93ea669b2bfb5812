package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/bus"
	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
	"github.com/oxbow-events/oxbow/topic"
)

type orderPlaced struct {
	Order string
	Cents int64
}

func preparePublish(_ context.Context, e *env) ([]contender, error) {
	n := e.n(300_000, 1000)
	handled := 0
	b := bus.New(bus.Config{})
	_, err := bus.Subscribe(b, func(context.Context, event.Event[orderPlaced]) error { handled++; return nil })
	if err != nil {
		return nil, err
	}
	publish := func(ctx context.Context) error { return b.Publish(ctx, orderPlaced{"42", 1999}) }

	var handlers atomic.Pointer[[]func(context.Context, orderPlaced) error]
	handlers.Store(&[]func(context.Context, orderPlaced) error{func(context.Context, orderPlaced) error { handled++; return nil }})
	direct := func(ctx context.Context) error {
		for _, handle := range *handlers.Load() {
			if err := handle(ctx, orderPlaced{"42", 1999}); err != nil {
				return err
			}
		}
		return nil
	}
	return []contender{
		{name: oxbowName, side: all(n, repeat(n, publish))},
		{name: "function call", does: "handlers called through an atomic slice, no metadata", side: all(n, repeat(n, direct))},
	}, nil
}

// prepareTopics returns how a topic is matched among very many patterns, of which one in ten has a wildcard. Of the peer's exact
// topics none has.
func prepareTopics(distinct int) func(context.Context, *env) ([]contender, error) {
	return func(_ context.Context, e *env) ([]contender, error) {
		patterns := e.n(1_000_000, 2000)
		var set topic.Set[int]
		exact := make(map[string]int, patterns)
		for i := range patterns {
			text := topicText(i)
			exact[text] = i
			if i%10 == 0 {
				segments := strings.Split(text, ".")
				segments[i/10%len(segments)] = [...]string{"*", "**"}[i/50%2]
				text = strings.Join(segments, ".")
			}
			p, err := topic.Parse(text)
			if err != nil {
				return nil, err
			}
			set.Add(p, i)
		}
		topics := make([]string, min(distinct, patterns))
		for i, at := range rand.New(rand.NewPCG(1, 2)).Perm(patterns)[:len(topics)] {
			topics[i] = topicText(at)
		}
		n := e.n(100_000, 100) // so that cold topics last for all rounds but the last few of very many
		var found []int
		match := func(i int) { found = set.AppendMatches(found[:0], topics[i]) }
		lookUp := func(i int) { found = append(found[:0], exact[topics[i]]) }
		return []contender{
			{name: oxbowName, side: all(n, inTurn(n, len(topics), match))},
			{name: "Go map", does: "the topic looked up among as many without wildcards", side: all(n, inTurn(n, len(topics), lookUp))},
		}, nil
	}
}

// topicText returns topic i, such as "tenant-17.billing.invoice.48213.paid".
func topicText(i int) string {
	return fmt.Sprintf("tenant-%d.service-%d.entity-%d.%d.verb-%d", i%997, i%47, i%19, i, i%23)
}

// inTurn returns n calls as one, with the numbers below limit in turn.
func inTurn(n, limit int, call func(i int)) func(context.Context) error {
	next := 0
	return func(context.Context) error {
		for range n {
			call(next)
			next = (next + 1) % limit
		}
		return nil
	}
}

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
