package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/bench/peers"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/task"
)

// killedAfter is how many events, about, a killed process has appended to a store that has so many.
func killedAfter(events int) int { return events/50 + 1 }

// kill has a process of its own open the store in a folder and append, fsynced, with many writers, and kills it in the midst of that, as
// soon as so many events were acknowledged.
func kill(ctx context.Context, store, dir string, events int) error {
	c, err := child(ctx, childTask{Do: "write", Store: store, Sync: true, Events: events}, dir)
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	_, early := bufio.NewReader(out).ReadString('\n')
	killed := c.Process.Kill()
	ended := c.Wait()
	if early != nil {
		return fmt.Errorf("the process that should be killed ended by itself: %w", errors.Join(early, ended))
	}
	return killed
}

// writeUntilKilled appends without end to new streams, and prints a line when so many events were acknowledged.
func writeUntilKilled(ctx context.Context, l peers.Log, t childTask) error {
	work, ctx := task.New(ctx)
	var acknowledged atomic.Int64
	for range fillers {
		a := newStreams(l, 10)
		work.Go(func() error {
			for {
				if err := a.append(ctx, 1); err != nil {
					return err
				}
				if acknowledged.Add(1) == int64(t.Events) {
					fmt.Println("acknowledged")
				}
			}
		})
	}
	return work.Wait()
}

// newStreams returns an appender for n streams that no other has.
func newStreams(l peers.Log, n int) *appender {
	a := &appender{log: l, heads: make([]uint64, n)}
	for range n {
		a.names = append(a.names, "order-"+event.NewID().String())
	}
	return a
}
