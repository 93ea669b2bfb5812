package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// fill appends n events, 100 at a time, to the streams in turn, and after each 100 one event to the long stream.
func fill(ctx context.Context, l peers.Log, n int) error {
	a, long := newAppender(l, 0, 1), &appender{log: l, names: []string{longStream}, heads: make([]uint64, 1)}
	for range n / 100 {
		if err := errors.Join(a.append(ctx, 99), long.append(ctx, 1)); err != nil {
			return err
		}
	}
	return nil
}

// longStream gets one event in a hundred.
const longStream = "order-long"

// contendFilled returns a contender for each store, filled with n events and opened again; build makes what it does.
func contendFilled(ctx context.Context, e *env, n int, build func(peers.Log) (side, error)) ([]contender, error) {
	return inFolders(e, func(p peers.Peer, dir string) (side, error) {
		if err := filled(p, dir, func(l peers.Log) error { return fill(ctx, l, n) }); err != nil {
			return nil, err
		}
		l, err := p.Open(dir, false)
		if err != nil {
			return nil, err
		}
		e.onClose(l.Close)
		return build(l)
	})
}

// replay reads everything in order and counts it.
func replay(l peers.Log, want int) func(context.Context) error {
	return func(ctx context.Context) error {
		return counted(want, func(count func(*event.Record)) error { return l.Replay(ctx, count) })
	}
}

// counted returns an error unless read calls count as often as wanted.
func counted(want int, read func(count func(*event.Record)) error) error {
	n := 0
	if err := read(func(*event.Record) { n++ }); err != nil {
		return err
	}
	if n != want {
		return fmt.Errorf("read %d events of %d", n, want)
	}
	return nil
}

// filledEvents is how many events the stores have in the rows that read.
func filledEvents(e *env) int { return e.n(100_000, 300) }

func prepareReplay(ctx context.Context, e *env) ([]contender, error) {
	n := e.n(300_000, 300) // more than the peers' caches hold
	contenders, err := contendFilled(ctx, e, n, func(l peers.Log) (side, error) { return all(n, replay(l, n)), nil })
	if err != nil {
		return nil, err
	}
	return withRaw(e, contenders, func(raw *rawFile) side { return all(n, raw.replay(n)) })
}

func prepareStream(ctx context.Context, e *env) ([]contender, error) {
	n := filledEvents(e)
	return contendFilled(ctx, e, n, func(l peers.Log) (side, error) {
		return each(e.span(), func(ctx context.Context) error {
			return counted(n/100, func(count func(*event.Record)) error { return l.Stream(ctx, longStream, count) })
		}), nil
	})
}

const decoderName = "JSON decoder"

func prepareTyped(ctx context.Context, e *env) ([]contender, error) {
	n := filledEvents(e)
	dir, err := e.folder()
	if err != nil {
		return nil, err
	}
	l, err := openOxbow(dir, false)
	if err != nil {
		return nil, err
	}
	e.onClose(l.Close)
	st := l.(oxbowLog).store
	if err := errors.Join(event.Register[order](st.Registry()), fill(ctx, l, n)); err != nil {
		return nil, err
	}
	var data [][]byte
	if err := l.Replay(ctx, func(r *event.Record) { data = append(data, slices.Clone(r.Data)) }); err != nil {
		return nil, err
	}
	return []contender{
		{name: oxbowName, side: all(n, func(ctx context.Context) error { return replayTyped(ctx, st, n) })},
		{name: decoderName, does: "encoding/json over the same data, already in memory", side: all(n, func(context.Context) error { return decodeAll(data) })},
	}, nil
}

func replayTyped(ctx context.Context, st *store.Store, want int) error {
	n := 0
	for r, err := range st.Read(ctx, store.Query{}) {
		if err != nil {
			return err
		}
		if _, err := event.DecodeAs[order](st.Registry(), r); err != nil {
			return err
		}
		n++
	}
	if n != want {
		return fmt.Errorf("read %d events of %d", n, want)
	}
	return nil
}

func decodeAll(data [][]byte) error {
	for _, encoded := range data {
		var into order
		if err := json.Unmarshal(encoded, &into); err != nil {
			return err
		}
	}
	return nil
}
