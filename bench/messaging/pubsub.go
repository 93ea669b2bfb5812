package messaging

import (
	"context"
	"sync"

	"github.com/cskr/pubsub/v2"
)

var pubSub = Bus{
	Name: "pubsub", Does: "cskr/pubsub; one goroutine serves all topics, a channel a subscriber, no metadata",
	Queued: newPubSub,
}

type topicChannels struct {
	ps      *pubsub.PubSub[string, Order]
	readers sync.WaitGroup
}

func newPubSub(subscribers int, h Handle) (Publisher, error) {
	p := &topicChannels{ps: pubsub.New[string, Order](room)}
	for i := range subscribers {
		orders := p.ps.Sub(Name)
		p.readers.Go(func() {
			for o := range orders {
				h(i, o)
			}
		})
	}
	return p, nil
}

func (p *topicChannels) Publish(_ context.Context, o Order) error {
	p.ps.Pub(o, Name)
	return nil
}

func (p *topicChannels) Close() error {
	p.ps.Shutdown()
	p.readers.Wait()
	return nil
}
