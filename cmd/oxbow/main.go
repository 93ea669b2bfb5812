// Oxbow is an event store, a server and the tools for both, in one binary. `oxbow help` lists what it can do.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, restore := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer restore()
	context.AfterFunc(ctx, restore) // a second signal ends the process at once
	ignoreBrokenPipe()
	c := &cli{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	return c.run(ctx, os.Args[1:])
}
