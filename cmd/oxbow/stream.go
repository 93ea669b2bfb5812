package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/store"
)

func (c *cli) streamCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "stream",
		Short: "Look at what a stream keeps, limit it, or delete it",
		Long: `Shows and changes what a stream keeps. What is gone is read no more at once, and takes space until oxbow compact removes it.

While a server holds the folder, these commands cannot: stop the server first.`,
		Example: `  oxbow stream show order-42
  oxbow stream set order-42 --max-count 100`,
	}
	command.AddCommand(
		c.streamShowCommand(),
		c.streamSetCommand(),
		c.streamChangeCommand("delete", "Delete a stream; what is appended to it later goes on with its revisions", "deleted", (*store.Store).DeleteStream),
		c.streamChangeCommand("tombstone", "Delete a stream for good; nothing can be appended to it ever again", "tombstoned", (*store.Store).TombstoneStream),
	)
	return command
}

func (c *cli) streamShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a stream and its limits",
		Example: "  oxbow stream show order-42",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return c.withStore("stream show", func(s *store.Store) error { return c.showStream(command.Context(), s, args[0]) })
		},
	}
}

func (c *cli) streamSetCommand() *cobra.Command {
	var age time.Duration
	var count, before uint64
	command := &cobra.Command{
		Use:   "set NAME {--max-age DURATION | --max-count N | --before REVISION}…",
		Short: "Limit what a stream keeps",
		Long:  "Sets the limits that are given and leaves the others as they are; 0 takes a limit away. What a limit once took does not come back for certain.",
		Example: `  oxbow stream set sensor-7 --max-age 720h
  oxbow stream set order-42 --max-count 100 --before 0`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			flags, stream := command.Flags(), args[0]
			if !flags.Changed("max-age") && !flags.Changed("max-count") && !flags.Changed("before") {
				return wrongFlag("max-age", "--max-count or --before is needed")
			}
			return c.withStore("stream set", func(s *store.Store) error {
				ctx := command.Context()
				m, at, err := s.StreamMeta(ctx, stream)
				if err != nil {
					return err
				}
				set(flags.Changed("max-age"), &m.MaxAge, age)
				set(flags.Changed("max-count"), &m.MaxCount, count)
				set(flags.Changed("before"), &m.Before, before)
				m.Tombstone = false // a stream that has one refuses the change
				if _, err := s.SetStreamMeta(ctx, stream, m, store.ItemAt(store.StreamBucket, stream, at)); err != nil {
					return err
				}
				return c.showStream(ctx, s, stream)
			})
		},
	}
	command.Flags().DurationVar(&age, "max-age", 0, "events older than this are gone, as in 720h")
	command.Flags().Uint64Var(&count, "max-count", 0, "only the newest `N` events are kept")
	command.Flags().Uint64Var(&before, "before", 0, "events before this `REVISION` are gone")
	return command
}

func set[T any](given bool, field *T, value T) {
	if given {
		*field = value
	}
}

// streamChangeCommand returns a command that does one thing to a stream that exists.
func (c *cli) streamChangeCommand(
	verb, short, done string, change func(*store.Store, context.Context, string, ...store.Condition) (store.Receipt, error),
) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " NAME",
		Short:   short,
		Example: "  oxbow stream " + verb + " order-42",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return c.withStore("stream "+verb, func(s *store.Store) error {
				if _, err := change(s, command.Context(), args[0], store.StreamExists(args[0])); err != nil {
					return err
				}
				if c.json {
					return c.showStream(command.Context(), s, args[0])
				}
				out := c.output()
				fmt.Fprintf(out, "%s is %s; oxbow compact gives back its space\n", screen.Clean(args[0]), done)
				return out.Flush()
			})
		},
	}
}

// withStore calls fn with the store in the folder.
func (c *cli) withStore(command string, fn func(*store.Store) error) error {
	l, err := c.openLog(command)
	if err != nil {
		return err
	}
	s := store.New(l, store.Config{})
	return errors.Join(fn(s), s.Close())
}

// streamShown is what stream show tells machines.
type streamShown struct {
	Stream   string           `json:"stream"`
	Revision uint64           `json:"revision"`
	Meta     store.StreamMeta `json:"meta"`
}

func (c *cli) showStream(ctx context.Context, s *store.Store, stream string) error {
	m, _, err := s.StreamMeta(ctx, stream)
	if err != nil {
		return err
	}
	revision, err := s.StreamRevision(ctx, stream)
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.out).Encode(streamShown{stream, revision, m})
	}
	out := c.output()
	fmt.Fprintf(out, "stream     %s\nrevision   %d\n", screen.Clean(stream), revision)
	for _, limit := range [...]struct {
		name  string
		given bool
		value any
	}{
		{"max age  ", m.MaxAge > 0, m.MaxAge},
		{"max count", m.MaxCount > 0, m.MaxCount},
		{"before   ", m.Before > 0, m.Before},
		{"deleted  ", m.Deleted > 0, fmt.Sprintf("up to revision %d", m.Deleted)},
		{"tombstone", m.Tombstone, "for good"},
	} {
		if limit.given {
			fmt.Fprintf(out, "%s  %v\n", limit.name, limit.value)
		}
	}
	return out.Flush()
}
