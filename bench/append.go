package main

import (
	"context"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/event"
)

// appender appends to the streams that are its own, one after the other, each time at the head that it expects.
type appender struct {
	log   peers.Log
	names []string
	heads []uint64
	next  int
}

// newAppender returns an appender for every step-th stream from first on.
func newAppender(l peers.Log, first, step int) *appender {
	a := &appender{log: l}
	for n := first; n < max(streams, step); n += step {
		a.names = append(a.names, streamName(n))
	}
	a.heads = make([]uint64, len(a.names))
	return a
}

// append adds n events to one stream.
func (a *appender) append(ctx context.Context, n int) (err error) {
	stream, head := a.names[a.next], &a.heads[a.next]
	a.next = (a.next + 1) % len(a.names)
	events := make([]event.Record, n)
	for i := range events {
		events[i] = record(stream)
	}
	*head, err = a.log.Append(ctx, stream, *head, events)
	return err
}

func (a *appender) appends(n int) func(context.Context) error {
	return func(ctx context.Context) error { return a.append(ctx, n) }
}

// writers returns calls that append one event each, for so many at the same time.
func writers(l peers.Log, n int) (calls []func(context.Context) error) {
	for w := range n {
		calls = append(calls, newAppender(l, w, n).appends(1))
	}
	return calls
}

func prepareAppend(_ context.Context, e *env) ([]contender, error) {
	contenders, err := contend(e, true, func(l peers.Log) (side, error) {
		return each(e.span(), newAppender(l, 0, 1).appends(1)), nil
	})
	if err != nil {
		return nil, err
	}
	return withRaw(e, contenders, func(raw *rawFile) side { return each(e.span(), raw.appends(1, true)) })
}

func prepareWriters(n int) func(context.Context, *env) ([]contender, error) {
	return func(_ context.Context, e *env) ([]contender, error) {
		contenders, err := contend(e, true, func(l peers.Log) (side, error) {
			return together(e.span(), 1, writers(l, n)), nil
		})
		if err != nil {
			return nil, err
		}
		return withRaw(e, contenders, func(raw *rawFile) side { return inSequence(e, 1, raw.appends(1, true)) })
	}
}

func prepareAppend100(_ context.Context, e *env) ([]contender, error) {
	return appendAlone(e, 100, true)
}

func prepareAppendUnsynced(_ context.Context, e *env) ([]contender, error) {
	contenders, err := appendAlone(e, 1, false)
	if err != nil {
		return nil, err
	}
	dir, err := e.folder()
	if err != nil {
		return nil, err
	}
	l, err := peers.OpenPebbleNoSync(dir)
	if err != nil {
		return nil, err
	}
	e.onClose(l.Close)
	return append(contenders, contender{
		name: "Pebble, NoSync", does: "as Pebble, but commits are acknowledged while they are in the process's memory; not compared",
		durability: inMemory, side: inSequence(e, 1, newAppender(l, 0, 1).appends(1)),
	}), nil
}

// appendAlone has one writer append n events at once.
func appendAlone(e *env, n int, sync bool) ([]contender, error) {
	contenders, err := contend(e, sync, func(l peers.Log) (side, error) {
		return inSequence(e, n, newAppender(l, 0, 1).appends(n)), nil
	})
	if err != nil {
		return nil, err
	}
	return withRaw(e, contenders, func(raw *rawFile) side { return inSequence(e, n, raw.appends(n, sync)) })
}

// inSequence returns a side with one caller; each call handles n events.
func inSequence(e *env, n int, call func(context.Context) error) side {
	return together(e.span(), n, []func(context.Context) error{call})
}
