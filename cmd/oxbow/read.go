package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/store"
)

func (c *cli) readCommand() *cobra.Command {
	var filter filterFlags
	var payload bool
	command := &cobra.Command{
		Use:   "read",
		Short: "Print events",
		Long: `Prints the events that match all flags, oldest first: a table for people, with --json one CloudEvent a line, with --payload
the data alone. Times are UTC.`,
		Example: `  oxbow read --stream order-42
  oxbow read --type order.placed,order.paid --after 1000 --limit 20
  oxbow read --tag customer:7 --backward --limit 1
  oxbow read --prefix order- --json | jq .type
  oxbow read --correlation 0194c2a0-5b1e-7a30-8d4e-1f2a3b4c5d6e    # everything that one event led to`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			q, err := filter.query()
			if err != nil {
				return err
			}
			p, err := c.printerFor(payload)
			if err != nil {
				return err
			}
			return c.read(command.Context(), q, p)
		},
	}
	filter.bind(c, command)
	filter.bindRange(command)
	command.Flags().BoolVar(&filter.backward, "backward", false, "newest first")
	bindPayload(command, &payload)
	return command
}

func bindPayload(command *cobra.Command, payload *bool) {
	command.Flags().BoolVar(payload, "payload", false, "print the data alone, one event a line")
}

func (c *cli) read(ctx context.Context, q store.Query, p printer) error {
	b, err := c.open(ctx, toRead)
	if err != nil {
		return err
	}
	defer b.Close()
	n := 0
	for r, err := range b.Read(ctx, q) {
		if err != nil {
			_ = p.Flush() // what came before the error is of use
			return fmt.Errorf("read: %w", err)
		}
		if err := p.Print(r); err != nil {
			return err
		}
		n++
	}
	if n == 0 {
		c.noteNothing(ctx, b, q)
	}
	return p.Flush()
}

// noteNothing says that nothing matched, and names a type that the store has never seen: it may be a slip of the pen.
func (c *cli) noteNothing(ctx context.Context, b backend.Backend, q store.Query) {
	if c.json {
		return
	}
	stats, err := b.Stats(ctx)
	if err != nil {
		return
	}
	if stats.Events == 0 {
		c.note("no events yet")
		return
	}
	if unknown := unknownTypes(q, stats.Types); len(unknown) > 0 {
		c.note("no events: there are none of the type " + strings.Join(unknown, ", ") + "; 'oxbow stats' lists the types")
		return
	}
	c.note("no events match")
}

func unknownTypes(q store.Query, known map[string]uint64) (unknown []string) {
	if len(q.Any) == 0 || known == nil {
		return nil
	}
	for _, name := range q.Any[0].Types {
		if known[name] == 0 {
			unknown = append(unknown, name)
		}
	}
	return unknown
}
