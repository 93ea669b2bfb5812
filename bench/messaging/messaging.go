// Package messaging has others that carry events within a process, find who listens to a topic, or answer requests and commands, each
// used as its documentation leads to, for Oxbow to be measured beside.
//
// The tag peers builds Watermill, NATS and mochi-mqtt in: without it, nobody who only tests Oxbow has to compile them.
package messaging

import "context"

// Order is the event, command and request of all rows.
type Order struct {
	Order string
	Cents int64
}

// Name is the topic that orders are published under, where one is needed.
const Name = "order.placed"

// Publisher publishes orders. Publish may be called at the same time as itself.
type Publisher interface {
	Publish(ctx context.Context, o Order) error
	Close() error
}

// Handle gets an order, as the subscriber with that number. It is not called at the same time for the same subscriber.
type Handle func(subscriber int, o Order)

// Bus is a way to carry orders to all of some subscribers.
type Bus struct {
	Name, Does string
	Sync       func(subscribers int, h Handle) (Publisher, error) // Publish returns when all have handled it; nil: it has no such way
	Queued     func(subscribers int, h Handle) (Publisher, error) // it may return before; nil: it has no such way
	Missing    string                                             // why it is not in this build, in place of both
}

// Buses returns them, in the order of the table.
func Buses() []Bus { return []Bus{call, channel, eventBus, pubSub, natsBus, watermillBus} }

// Index finds those who listen to a topic.
type Index struct {
	Name, Does string
	New        func() Patterns
	Missing    string
}

// Patterns maps patterns to who listens. A pattern is written as Oxbow writes it, with "**" at its end only.
type Patterns interface {
	Add(pattern string, number int) error
	Match(topic string)
	Count(topic string) int // how many listen, for those who check
}

// Indexes returns them, in the order of the table.
func Indexes() []Index { return []Index{sublist, mochi} }

// Ask sends an order and waits for the answer, which is its number of cents.
type Ask func(ctx context.Context, o Order) (int64, error)

// Answerer is a way to have requests or commands answered by one function in the process.
type Answerer struct {
	Name, Does string
	Start      func(answer func(Order) int64) (Ask, func() error, error)
	Missing    string
}

// Requests returns the ways to send a request and get a reply.
func Requests() []Answerer { return []Answerer{channelRequest, natsRequest} }

// Commands returns the ways to have a command handled; what they return is nothing but an error.
func Commands() []Answerer { return []Answerer{callCommand, watermillCommand} }
