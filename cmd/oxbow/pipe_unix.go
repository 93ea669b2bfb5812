//go:build unix

package main

import (
	"errors"
	"os/signal"
	"syscall"
)

// ignoreBrokenPipe makes a write to a pipe that nobody reads an error instead of the end of the process, so that the store is
// closed in order.
func ignoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }

func brokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
