package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/event"
)

// residentOf is the variable of the environment that makes this program measure the memory of the store with that name, in the
// current folder: only a process of its own has a memory of its own.
const residentOf = "OXBOW_BENCH_RESIDENT"

func prepareResident(ctx context.Context, e *env) ([]contender, error) {
	if runtime.GOOS != "linux" {
		return []contender{{name: oxbowName, missing: "it is read from /proc, so only on Linux"}}, nil
	}
	return ofManyStreams(ctx, e, func(p peers.Peer, dir string) side {
		return func(ctx context.Context) (cost, error) { return residentInChild(ctx, p.Name, dir) }
	})
}

func residentInChild(ctx context.Context, name, dir string) (cost, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	child := exec.CommandContext(ctx, self)
	child.Dir, child.Env, child.Stderr = dir, append(os.Environ(), residentOf+"="+name), os.Stderr
	out, err := child.Output()
	if err != nil {
		return 0, fmt.Errorf("measure in a process of its own: %w", err)
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return cost(kib << 10), err
}

// residentMain is what the process of its own does: it prints how many KiB it has.
func residentMain() (exitCode int) {
	kib, err := resident(context.Background(), os.Getenv(residentOf))
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	fmt.Println(kib)
	return 0
}

// resident opens the store in the current folder, uses a thousand old and a thousand new streams, gives back what is free, and
// returns the KiB that are left.
func resident(ctx context.Context, name string) (kib int64, err error) {
	for _, p := range stores() {
		if p.Name != name {
			continue
		}
		l, err := p.Open(".", false)
		if err != nil {
			return 0, err
		}
		err = useStreams(ctx, l)
		debug.FreeOSMemory()
		kib, statusErr := residentKiB()
		return kib, errors.Join(err, statusErr, l.Close())
	}
	return 0, fmt.Errorf("there is no store %q", name)
}

func useStreams(ctx context.Context, l peers.Log) error {
	fresh := make([]event.Record, 1)
	for i := range 1000 {
		name := fmt.Sprint("fresh-", i)
		fresh[0] = record(name)
		if _, err := l.Append(ctx, name, 0, fresh); err != nil {
			return err
		}
		if err := l.Stream(ctx, streamName(i*97%100_000), func(*event.Record) {}); err != nil {
			return err
		}
	}
	return nil
}

// residentKiB returns the VmRSS of this process.
func residentKiB() (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			return strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kib), "kB")), 10, 64)
		}
	}
	return 0, errors.New("/proc/self/status has no VmRSS")
}
