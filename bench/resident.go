package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/event"
)

// footprint is what a process has, in KiB.
type footprint struct {
	Resident int64 // in memory, with the pages of files that it has mapped, as the program itself
	Private  int64 // the part that is of no file: heap, stacks, and what C has allocated
}

func prepareResident(ctx context.Context, e *env) ([]contender, error) {
	return ofMemory(ctx, e, func(m footprint) int64 { return m.Resident })
}

func preparePrivate(ctx context.Context, e *env) ([]contender, error) {
	return ofMemory(ctx, e, func(m footprint) int64 { return m.Private })
}

func ofMemory(ctx context.Context, e *env, kib func(footprint) int64) ([]contender, error) {
	if runtime.GOOS != "linux" {
		return []contender{{name: oxbowName, missing: "it is read from /proc, so only on Linux"}}, nil
	}
	return ofManyStreams(ctx, e, func(p peers.Peer, dir string) side {
		return func(ctx context.Context) (cost, error) {
			m, err := memoryOfChild(ctx, childTask{Do: "memory", Store: p.Name, Events: e.n(1000, 20)}, dir)
			return cost(kib(m) << 10), err
		}
	})
}

// memoryOfChild returns what a process of its own has after it has used the store.
func memoryOfChild(ctx context.Context, t childTask, dir string) (m footprint, err error) {
	c, err := child(ctx, t, dir)
	if err != nil {
		return footprint{}, err
	}
	out, err := c.Output()
	if err != nil {
		return footprint{}, fmt.Errorf("measure in a process of its own: %w", err)
	}
	err = json.Unmarshal(out, &m)
	return m, err
}

// printMemory uses some old and as many new streams, gives back what is free, and prints what is left.
func printMemory(ctx context.Context, l peers.Log, t childTask) error {
	if err := useStreams(ctx, l, t.Events); err != nil {
		return err
	}
	debug.FreeOSMemory()
	m, err := ownMemory()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(m)
}

func useStreams(ctx context.Context, l peers.Log, n int) error {
	fresh := newStreams(l, n)
	for i := range n {
		if err := fresh.append(ctx, 1); err != nil {
			return err
		}
		if err := l.Stream(ctx, streamName(i*97%100_000), func(*event.Record) {}); err != nil {
			return err
		}
	}
	return nil
}

// ownMemory returns what this process has.
func ownMemory() (m footprint, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return footprint{}, err
	}
	fields := map[string]*int64{"VmRSS": &m.Resident, "RssAnon": &m.Private}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		into, ok := fields[name]
		if !ok {
			continue
		}
		if _, err := fmt.Sscanf(value, "%d kB", into); err != nil {
			return footprint{}, fmt.Errorf("%s of /proc/self/status: %w", name, err)
		}
		delete(fields, name)
	}
	if len(fields) > 0 {
		return footprint{}, errors.New("/proc/self/status lacks VmRSS or RssAnon")
	}
	return m, nil
}
