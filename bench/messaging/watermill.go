//go:build peers

package messaging

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/components/cqrs"
	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/gochannel"
)

var watermillBus = Bus{
	Name: "Watermill", Does: "its GoChannel; JSON there and back; sync: BlockPublishUntilSubscriberAck",
	Sync: newWatermill(true), Queued: newWatermill(false),
}

type goChannel struct {
	*gochannel.GoChannel
	readers sync.WaitGroup
	mu      sync.Mutex
	err     error // the first message that could not be read
}

func newWatermill(block bool) func(int, Handle) (Publisher, error) {
	return func(subscribers int, h Handle) (Publisher, error) {
		c := &goChannel{GoChannel: gochannel.NewGoChannel(gochannel.Config{
			OutputChannelBuffer: room, BlockPublishUntilSubscriberAck: block,
		}, nil)}
		for i := range subscribers {
			messages, err := c.Subscribe(context.Background(), Name)
			if err != nil {
				return nil, errors.Join(err, c.Close())
			}
			c.readers.Go(func() { c.read(messages, func(o Order) { h(i, o) }) })
		}
		return c, nil
	}
}

func (c *goChannel) read(messages <-chan *message.Message, handle func(Order)) {
	for m := range messages {
		var o Order
		if err := json.Unmarshal(m.Payload, &o); err != nil {
			c.mu.Lock()
			c.err = err
			c.mu.Unlock()
		}
		handle(o)
		m.Ack()
	}
}

func (c *goChannel) Publish(_ context.Context, o Order) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return c.GoChannel.Publish(Name, message.NewMessage(watermill.NewUUID(), data))
}

func (c *goChannel) Close() error {
	err := c.GoChannel.Close()
	c.readers.Wait()
	return errors.Join(err, c.err)
}

var watermillCommand = Answerer{
	Name: "Watermill CQRS", Does: "its command bus and processor over GoChannel with BlockPublishUntilSubscriberAck; JSON",
	Start: startWatermillCommands,
}

func startWatermillCommands(answer func(Order) int64) (Ask, func() error, error) {
	channel := gochannel.NewGoChannel(gochannel.Config{BlockPublishUntilSubscriberAck: true}, nil)
	router, err := message.NewRouter(message.RouterConfig{}, watermill.NopLogger{})
	if err != nil {
		return nil, nil, err
	}
	marshaler := cqrs.JSONMarshaler{GenerateName: cqrs.StructName}
	processor, err := cqrs.NewCommandProcessorWithConfig(router, cqrs.CommandProcessorConfig{
		GenerateSubscribeTopic: func(p cqrs.CommandProcessorGenerateSubscribeTopicParams) (string, error) { return p.CommandName, nil },
		SubscriberConstructor: func(cqrs.CommandProcessorSubscriberConstructorParams) (message.Subscriber, error) {
			return channel, nil
		},
		Marshaler: marshaler,
	})
	if err != nil {
		return nil, nil, err
	}
	err = processor.AddHandlers(cqrs.NewCommandHandler("place", func(_ context.Context, o *Order) error {
		answer(*o)
		return nil
	}))
	if err != nil {
		return nil, nil, err
	}
	commands, err := cqrs.NewCommandBusWithConfig(channel, cqrs.CommandBusConfig{
		GeneratePublishTopic: func(p cqrs.CommandBusGeneratePublishTopicParams) (string, error) { return p.CommandName, nil },
		Marshaler:            marshaler,
	})
	if err != nil {
		return nil, nil, err
	}
	ask := func(ctx context.Context, o Order) (int64, error) { return o.Cents, commands.Send(ctx, &o) }
	return ask, runRouter(router, channel), nil
}

// runRouter starts the router, waits until it runs, and returns what ends it.
func runRouter(router *message.Router, channel *gochannel.GoChannel) (end func() error) {
	ended := make(chan error, 1)
	go func() { ended <- router.Run(context.Background()) }()
	<-router.Running()
	return func() error { return errors.Join(router.Close(), channel.Close(), <-ended) }
}
