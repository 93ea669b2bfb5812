package main

import (
	"context"
	"io/fs"
	"path/filepath"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/task"
)

// manyStreams is how many streams the stores have in the rows that are about many.
func manyStreams(e *env) int {
	if e.full {
		return 1_000_000
	}
	return e.n(100_000, 200)
}

// fillers is how many write at once where many streams are made. JetStream takes up to 50 batches, and single events without limit.
const fillers = 64

// fillStreams appends one event to each of n streams.
func fillStreams(ctx context.Context, l peers.Log, n int) error {
	work, ctx := task.New(ctx)
	for first := range fillers {
		work.Go(func() error {
			for i := first; i < n; i += fillers {
				name := streamName(i)
				if _, err := l.Append(ctx, name, 0, []event.Record{record(name)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

// ofManyStreams returns a contender for each store, in whose folder are many streams of one event each, and perhaps some more that
// another row has left; build makes what it does.
func ofManyStreams(ctx context.Context, e *env, build func(p peers.Peer, dir string) side) ([]contender, error) {
	return ofStores(e, func(p peers.Peer) (side, error) {
		dir, err := e.kept("many streams in "+p.Name, func(dir string) error {
			return filled(p, dir, func(l peers.Log) error { return fillStreams(ctx, l, manyStreams(e)) })
		})
		return build(p, dir), err
	})
}

func prepareDisk(ctx context.Context, e *env) ([]contender, error) {
	n := filledEvents(e)
	return inFolders(e, func(p peers.Peer, dir string) (side, error) {
		err := filled(p, dir, func(l peers.Log) error { return fill(ctx, l, n) })
		return func(context.Context) (cost, error) {
			size, err := folderBytes(dir)
			return cost(size) / cost(n), err
		}, err
	})
}

// folderBytes returns how many bytes the files in a folder and in the folders below it have.
func folderBytes(dir string) (size int64, err error) {
	err = eachFile(dir, func(_ string, entry fs.DirEntry) error {
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	return size, err
}

// eachFile calls fn for each file in a folder and in the folders below it.
func eachFile(dir string, fn func(path string, entry fs.DirEntry) error) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return fn(path, entry)
	})
}
