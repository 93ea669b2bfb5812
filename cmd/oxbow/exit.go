package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// The exit codes. They are part of the interface: scripts branch on them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitConflict    = 3
	exitInUse       = 4
	exitDamaged     = 5
	exitPartly      = 6
	exitUnreachable = 7
	exitTombstone   = 8
	exitInterrupted = 130
)

var (
	errPartly      = errors.New("done in part")
	errInterrupted = errors.New("interrupted")
)

// outcomes tells what an error is called for machines and which code it ends with; the first that fits counts.
var outcomes = []struct {
	is   error
	kind string
	code int
}{
	{errInterrupted, "interrupted", exitInterrupted},
	{errPartly, "partly", exitPartly},
	{store.ErrConflict, "conflict", exitConflict},
	{store.ErrTombstone, "tombstone", exitTombstone},
	{store.ErrInUse, "in-use", exitInUse},
	{errAddressInUse, "in-use", exitInUse},
	{store.ErrDamaged, "damaged", exitDamaged},
	{backend.ErrUnreachable, "unreachable", exitUnreachable},
	{event.ErrInvalid, "usage", exitUsage},
}

func outcome(err error) (kind string, code int) {
	for _, o := range outcomes {
		if errors.Is(err, o.is) {
			return o.kind, o.code
		}
	}
	return "failed", exitFailed
}

func exitCode(err error) int {
	_, code := outcome(err)
	return code
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `Every command ends with one of these codes:

    0  done
    1  failed for a reason that none of the others names
    2  the command line or the input is wrong; nothing was written
    3  conflict: what --expect asked for does not hold, an id is already taken, or a dead letter was changed by somebody else; nothing
       was written
    4  the folder, or the address to listen on, is in use by another process
    5  the folder, or a dead letter in it, is damaged
    6  done in part: some lines of an import were broken, the others went in; or some dead letters were left alone
    7  no answer from the server
    8  the stream was deleted for good and takes no more events; nothing was written
  130  interrupted; what was acknowledged until then is kept

A reader that goes away, as in "oxbow read | head -1", is no failure.
With --json an error is one JSON object on standard error: {"error": …, "kind": …, "code": …}.`,
	}
}

// usageError is a mistake in the command line.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string {
	return fmt.Sprintf("%v; see '%s --help'", e.err, e.command)
}

func (e *usageError) Unwrap() []error { return []error{e.err, event.ErrInvalid} }

// wrongFlag returns the usage error for a flag's value.
func wrongFlag(flag, format string, args ...any) error {
	return event.Invalid("--"+flag, format, args...)
}

// interrupted turns what a signal caused into errInterrupted and leaves other errors alone.
func interrupted(err error) error {
	if !errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted) {
		return err
	}
	return errInterrupted
}

// report writes the error on standard error: one line, or one JSON object.
func (c *cli) report(err error) {
	if !c.json && err == errInterrupted {
		return // whoever pressed Ctrl-C knows
	}
	if !c.json {
		joined := strings.ReplaceAll(err.Error(), "\n", "; ") // by errors.Join
		fmt.Fprintf(c.err, "oxbow: %s\n", screen.Clean(joined))
		return
	}
	kind, code := outcome(err)
	told := struct {
		Error string `json:"error"`
		Kind  string `json:"kind"`
		Code  int    `json:"code"`
		Field string `json:"field,omitempty"`
	}{Error: err.Error(), Kind: kind, Code: code}
	var invalid *event.InvalidError
	if errors.As(err, &invalid) {
		told.Field = invalid.Field
	}
	_ = json.NewEncoder(c.err).Encode(told)
}
