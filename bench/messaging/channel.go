package messaging

import (
	"context"
	"sync"
)

// room is how many orders wait where a number can be given.
const room = 1024

var channel = Bus{Name: "Go channel", Does: "a buffered channel and a goroutine a subscriber, no metadata", Queued: newChannels}

type channels struct {
	to      []chan Order
	workers sync.WaitGroup
}

func newChannels(subscribers int, h Handle) (Publisher, error) {
	c := &channels{}
	for i := range subscribers {
		orders := make(chan Order, room)
		c.to = append(c.to, orders)
		c.workers.Go(func() {
			for o := range orders {
				h(i, o)
			}
		})
	}
	return c, nil
}

func (c *channels) Publish(_ context.Context, o Order) error {
	for _, orders := range c.to {
		orders <- o
	}
	return nil
}

func (c *channels) Close() error {
	for _, orders := range c.to {
		close(orders)
	}
	c.workers.Wait()
	return nil
}

var channelRequest = Answerer{
	Name: "channels", Does: "one goroutine answers, each request has a channel for its reply, no metadata, no timeout",
	Start: startChannelRequests,
}

type channelCall struct {
	order Order
	reply chan int64
}

func startChannelRequests(answer func(Order) int64) (Ask, func() error, error) {
	requests := make(chan channelCall, room)
	var worker sync.WaitGroup
	worker.Go(func() {
		for c := range requests {
			c.reply <- answer(c.order)
		}
	})
	ask := func(_ context.Context, o Order) (int64, error) {
		reply := make(chan int64, 1)
		requests <- channelCall{o, reply}
		return <-reply, nil
	}
	end := func() error {
		close(requests)
		worker.Wait()
		return nil
	}
	return ask, end, nil
}
