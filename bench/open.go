package main

import (
	"context"
	"errors"
	"time"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/event"
)

// opening is how long a store takes from being opened to having read a stream, so that what is put off until then counts. The stream
// has so many events.
type opening struct {
	peer   peers.Peer
	dir    string
	stream string
	events int
}

// clean measures after the store was closed.
func (o opening) clean(ctx context.Context) (cost, error) {
	start := time.Now()
	l, err := o.peer.Open(o.dir, true)
	if err != nil {
		return 0, err
	}
	err = counted(o.events, func(count func(*event.Record)) error { return l.Stream(ctx, o.stream, count) })
	took := cost(time.Since(start))
	return took, errors.Join(err, l.Close())
}

// killed returns a side that measures after a process which had appended some events was killed.
func (o opening) killed(events int) side {
	return func(ctx context.Context) (cost, error) {
		if err := kill(ctx, o.peer.Name, o.dir, events); err != nil {
			return 0, err
		}
		return o.clean(ctx)
	}
}

func openingOne(p peers.Peer, dir string) opening { return opening{p, dir, streamName(1), 1} }

func prepareOpen(ctx context.Context, e *env) ([]contender, error) {
	return ofManyStreams(ctx, e, func(p peers.Peer, dir string) side { return openingOne(p, dir).clean })
}

func prepareOpenKilled(ctx context.Context, e *env) ([]contender, error) {
	return ofManyStreams(ctx, e, func(p peers.Peer, dir string) side { return openingOne(p, dir).killed(killedAfter(manyStreams(e))) })
}
