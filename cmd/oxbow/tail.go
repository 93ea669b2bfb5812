package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// tailFlags say how much of the end to print.
type tailFlags struct {
	filterFlags
	last    int
	follow  bool
	payload bool
}

func (c *cli) tailCommand() *cobra.Command {
	var f tailFlags
	command := &cobra.Command{
		Use:   "tail",
		Short: "Print the newest events, and new ones as they arrive",
		Long: `Prints the last events that match, oldest first. On a server it then goes on with new ones as they arrive, until it is
interrupted; after a broken connection it goes on where it was. --follow=false ends after the last events.

On a folder it ends by itself: while this command has the folder open no other process can write to it, so nothing new can arrive.
To follow, start 'oxbow serve' and add --server.`,
		Example: `  oxbow tail --server http://127.0.0.1:7070
  oxbow tail --server http://127.0.0.1:7070 --type order.shipped -n 0 --json
  oxbow tail -n 20                       # the newest 20 in the folder oxbow-data`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if !command.Flags().Changed("follow") {
				f.follow = c.server != ""
			}
			return c.tail(command.Context(), &f)
		},
	}
	f.bind(c, command)
	flags := command.Flags()
	flags.IntVarP(&f.last, "last", "n", 10, "print so many of the newest events first")
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with new events (default: on a server yes, on a folder no)")
	bindPayload(command, &f.payload)
	return command
}

func (c *cli) tail(ctx context.Context, f *tailFlags) error {
	q, err := f.query()
	switch {
	case err != nil:
		return err
	case f.last < 0:
		return wrongFlag("last", "is %d", f.last)
	case f.follow && c.server == "":
		return wrongFlag("follow", "nothing can arrive in a folder that this command holds; start 'oxbow serve' and add --server URL")
	}
	p, err := c.printerFor(f.payload)
	if err != nil {
		return err
	}
	b, err := c.open(ctx, toRead)
	if err != nil {
		return err
	}
	defer b.Close()
	head, err := b.Head(ctx)
	if err != nil {
		return fmt.Errorf("tail: %w", err)
	}
	if err := printLast(ctx, b, q, head, f.last, p); err != nil {
		return err
	}
	if !f.follow {
		c.noteEnd()
		return nil
	}
	q.After = head
	return follow(ctx, b, q, p)
}

// noteEnd tells a person who may be waiting why nothing more comes.
func (c *cli) noteEnd() {
	if c.server == "" && screen.Terminal(c.err) != nil {
		c.note("nobody else can write to the folder now, so this is the end; to follow, see 'oxbow tail --help'")
	}
}

// printLast prints the newest events up to head, oldest first.
func printLast(ctx context.Context, b backend.Backend, q store.Query, head store.Position, last int, p printer) error {
	if last == 0 {
		return p.Flush()
	}
	q.Backward, q.Limit, q.Before = true, last, head+1
	var newest []event.Record
	for r, err := range b.Read(ctx, q) {
		if err != nil {
			return fmt.Errorf("tail: %w", err)
		}
		newest = append(newest, r)
	}
	for _, r := range slices.Backward(newest) {
		if err := p.Print(r); err != nil {
			return err
		}
	}
	return p.Flush()
}

func follow(ctx context.Context, b backend.Backend, q store.Query, p printer) error {
	follower, ok := b.(backend.Follower)
	if !ok {
		return errors.New("tail: this store cannot be followed")
	}
	for r, err := range follower.Follow(ctx, q) {
		if err != nil {
			return fmt.Errorf("tail: %w", err)
		}
		if err := errors.Join(p.Print(r), p.Flush()); err != nil {
			return err
		}
	}
	return nil
}
