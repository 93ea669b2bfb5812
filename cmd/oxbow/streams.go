package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/store"
)

func (c *cli) streamsCommand() *cobra.Command {
	limit := 0
	command := &cobra.Command{
		Use:   "streams [PREFIX]",
		Short: "List the streams",
		Long: `Lists the streams, or those whose name begins with PREFIX, in order of name: how many events each has, and the positions of
its first and last.`,
		Example: `  oxbow streams
  oxbow streams order- --limit 20
  oxbow streams --json | jq -r .name`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			prefix := ""
			if len(args) == 1 {
				prefix = args[0]
			}
			if limit < 0 {
				return wrongFlag("limit", "is %d", limit)
			}
			return c.streams(command.Context(), prefix, limit)
		},
	}
	command.Flags().IntVar(&limit, "limit", 0, "at most so many; 0 is all")
	command.ValidArgsFunction = c.completion(streamNames)
	return command
}

func (c *cli) streams(ctx context.Context, prefix string, limit int) error {
	b, err := c.open(ctx, toRead)
	if err != nil {
		return err
	}
	defer b.Close()
	show, flush := c.streamPrinter()
	shown, err := eachStream(ctx, b, prefix, limit, show)
	if err != nil {
		return err
	}
	if shown == 0 {
		c.note("no streams")
	}
	return flush()
}

func eachStream(ctx context.Context, b backend.Backend, prefix string, limit int, show func(store.StreamInfo) error) (shown int, err error) {
	for info, err := range b.Streams(ctx, prefix) {
		if err != nil {
			return shown, fmt.Errorf("list streams: %w", err)
		}
		if err := show(info); err != nil {
			return shown, err
		}
		if shown++; shown == limit {
			break
		}
	}
	return shown, nil
}

func (c *cli) streamPrinter() (show func(store.StreamInfo) error, flush func() error) {
	out := c.output()
	if c.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		return func(info store.StreamInfo) error { return enc.Encode(info) }, out.Flush
	}
	table := out.Table(
		screen.Column{Title: "STREAM", Colour: screen.Cyan},
		screen.Column{Title: "EVENTS", Right: true},
		screen.Column{Title: "FIRST", Right: true},
		screen.Column{Title: "LAST", Right: true},
	)
	return func(info store.StreamInfo) error {
		return table.Row(info.Name, strconv.FormatUint(info.Revision, 10), position(info.First), position(info.Last))
	}, table.Flush
}

func position(p store.Position) string { return strconv.FormatUint(uint64(p), 10) }
