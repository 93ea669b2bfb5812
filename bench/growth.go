package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/task"
	"github.com/oxbow-events/oxbow/store"
)

// grown is an Oxbow store in which each stream has grownEvents events, scattered over the whole log.
type grown struct {
	dir     string
	streams int
}

const grownEvents = 10 // of a stream

// smallName is the small store's, which the large one is measured beside.
const smallName = "100,000 events"

// largeStreams is how many streams the large store has.
func largeStreams(e *env) int {
	if e.full {
		return 1_000_000
	}
	return e.n(100_000, 40)
}

// ofGrowth returns a contender for the large store and one for the small; build makes what they do.
func ofGrowth(ctx context.Context, e *env, build func(*grown) (side, error)) ([]contender, error) {
	contenders := []contender{
		{name: oxbowName},
		{name: smallName, does: "Oxbow, too: as many events in each stream, but in a store of 10,000 streams"},
	}
	for i, streams := range [...]int{largeStreams(e), e.n(10_000, 20)} {
		g := &grown{streams: streams}
		var err error
		g.dir, err = e.kept(fmt.Sprintf("grown to %d streams", streams), func(dir string) error { return grow(ctx, dir, streams) })
		if err != nil {
			return nil, err
		}
		if contenders[i].side, err = build(g); err != nil {
			return nil, err
		}
	}
	return contenders, nil
}

// grow fills a store as fast as it takes events.
func grow(ctx context.Context, dir string, streams int) error {
	return filled(peers.Peer{Open: openOxbow}, dir, func(l peers.Log) error {
		st := l.(oxbowLog).store
		work, ctx := task.New(ctx)
		var taken atomic.Int64
		for range 4 { // so that some encode while one writes
			work.Go(func() error {
				for n := streams * grownEvents; ; {
					last := int(taken.Add(grownCommit))
					first := last - grownCommit
					if first >= n {
						return nil
					}
					if _, err := st.Commit(ctx, store.Commit{Events: scattered(first, min(last, n), streams)}); err != nil {
						return err
					}
				}
			})
		}
		return work.Wait()
	})
}

// grownCommit is how many events are in one commit when a store is filled.
const grownCommit = 2000

// scattered returns the events from first to last of a grown store: one for each stream, in an order without order, then another for
// each, and so on.
func scattered(first, last, streams int) []event.Record {
	events := make([]event.Record, 0, last-first)
	for n := first; n < last; n++ {
		events = append(events, record(streamName(n*stride%streams)))
	}
	return events
}

// stride is a prime that divides no number of streams.
const stride = 7_368_787

// open opens the store until the row is done.
func (g *grown) open(e *env, sync bool) (peers.Log, error) {
	l, err := openOxbow(g.dir, sync)
	if err == nil {
		e.onClose(l.Close)
	}
	return l, err
}

// Appends go to the streams with odd numbers and reads to the even ones, so that all streams read have the same length.

func prepareGrownAppend(ctx context.Context, e *env) ([]contender, error) {
	return ofGrowth(ctx, e, func(g *grown) (side, error) {
		l, err := g.open(e, true)
		if err != nil {
			return nil, err
		}
		random, appended := rand.New(rand.NewPCG(1, 2)), map[int]uint64{}
		return each(e.span(), func(ctx context.Context) error {
			n := random.IntN(g.streams/2)*2 + 1
			stream := streamName(n)
			_, err := l.Append(ctx, stream, grownEvents+appended[n], []event.Record{record(stream)})
			appended[n]++
			return err
		}), nil
	})
}

func prepareGrownRead(ctx context.Context, e *env) ([]contender, error) {
	return ofGrowth(ctx, e, func(g *grown) (side, error) { return g.reading(ctx, e) })
}

// prepareGrownReadAnew is the same as after a start of the machine: what the system has read itself lies in its memory in other pieces than
// what a fill has left.
func prepareGrownReadAnew(ctx context.Context, e *env) ([]contender, error) {
	return ofGrowth(ctx, e, func(g *grown) (side, error) {
		if err := forgetFolder(g.dir); err != nil {
			return nil, err
		}
		return g.reading(ctx, e)
	})
}

// reading returns what reads a stream picked at random, when all that are read were read once.
func (g *grown) reading(ctx context.Context, e *env) (side, error) {
	l, err := g.open(e, false)
	if err != nil {
		return nil, err
	}
	read := func(ctx context.Context, n int) error {
		return counted(grownEvents, func(count func(*event.Record)) error { return l.Stream(ctx, streamName(n), count) })
	}
	if err := g.warmUp(ctx, read); err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(1, 2))
	return each(e.span(), func(ctx context.Context) error { return read(ctx, random.IntN(g.streams/2)*2) }), nil
}

// warmUp reads each stream that will be read once: a turn is too short to reach all pages of a large store, and the first one to
// touch a page waits for the system to map it.
func (g *grown) warmUp(ctx context.Context, read func(ctx context.Context, n int) error) error {
	for n := 0; n < g.streams; n += 2 {
		if err := read(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// opening measures with a stream that nobody appends to.
func (g *grown) opening() opening {
	return opening{peers.Peer{Name: oxbowName, Open: openOxbow}, g.dir, streamName(0), grownEvents}
}

func prepareGrownOpen(ctx context.Context, e *env) ([]contender, error) {
	return ofGrowth(ctx, e, func(g *grown) (side, error) { return g.opening().clean, nil })
}

func prepareGrownOpenKilled(ctx context.Context, e *env) ([]contender, error) {
	return ofGrowth(ctx, e, func(g *grown) (side, error) { return g.opening().killed(killedAfter(g.streams * grownEvents)), nil })
}
