package main

import (
	"context"
	"errors"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

const oxbowName = "Oxbow"

// stores returns Oxbow and the peers that do what a store does.
func stores() []peers.Peer {
	return append([]peers.Peer{{Name: oxbowName, Open: openOxbow}}, peers.All()...)
}

// oxbowLog is Oxbow's store as the peers are: a stream's head is its revision.
type oxbowLog struct{ store *store.Store }

func openOxbow(dir string, sync bool) (peers.Log, error) {
	driver, err := filelog.Open(dir, filelog.Config{NoSync: !sync})
	if err != nil {
		return nil, err
	}
	return oxbowLog{store.New(driver, store.Config{})}, nil
}

func (l oxbowLog) Append(ctx context.Context, stream string, head uint64, events []event.Record) (uint64, error) {
	_, err := l.store.Commit(ctx, store.Commit{Events: events, Conditions: []store.Condition{store.AtRevision(stream, head)}})
	return head + uint64(len(events)), err
}

func (l oxbowLog) Replay(ctx context.Context, fn func(*event.Record)) error {
	return l.read(ctx, store.Query{}, fn)
}

func (l oxbowLog) Stream(ctx context.Context, stream string, fn func(*event.Record)) error {
	return l.read(ctx, store.Stream(stream), fn)
}

func (l oxbowLog) read(ctx context.Context, q store.Query, fn func(*event.Record)) error {
	var now event.Record // the peers give away one that they use again, too
	for r, err := range l.store.Read(ctx, q) {
		if err != nil {
			return err
		}
		now = r
		fn(&now)
	}
	return nil
}

func (l oxbowLog) Close() error { return l.store.Close() }

// contend returns a contender for each store, opened in a new folder; build makes what it does.
func contend(e *env, sync bool, build func(peers.Log) (side, error)) ([]contender, error) {
	return inFolders(e, func(p peers.Peer, dir string) (side, error) {
		l, err := p.Open(dir, sync)
		if err != nil {
			return nil, err
		}
		e.onClose(l.Close)
		return build(l)
	})
}

// inFolders returns a contender for each store, each with a new folder; build makes what it does.
func inFolders(e *env, build func(p peers.Peer, dir string) (side, error)) ([]contender, error) {
	return ofStores(e, func(p peers.Peer) (side, error) {
		dir, err := e.folder()
		if err != nil {
			return nil, err
		}
		return build(p, dir)
	})
}

// ofStores returns a contender for each store; build makes what it does. Other ways to use a peer are contenders where that peer has
// a target.
func ofStores(e *env, build func(peers.Peer) (side, error)) (contenders []contender, err error) {
	for _, p := range stores() {
		if p.Variant != "" && e.targets[p.Variant] == (target{}) {
			continue
		}
		c := contender{name: p.Name, does: p.Does, missing: p.Missing}
		if c.missing == "" {
			if c.side, err = build(p); err != nil {
				return nil, &contenderError{p.Name, err}
			}
		}
		contenders = append(contenders, c)
	}
	return contenders, nil
}

// filled has a store in a folder filled, and closes it.
func filled(p peers.Peer, dir string, fill func(peers.Log) error) error {
	l, err := p.Open(dir, false)
	if err != nil {
		return err
	}
	return errors.Join(fill(l), l.Close())
}
