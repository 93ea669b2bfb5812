package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/store"
)

func (c *cli) statsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count what there is",
		Long: `Counts events, streams and items, the bytes they take, and the events of each type. A server also tells how much was appended a
second, on average over the last minute.`,
		Example: `  oxbow stats
  oxbow stats --server http://127.0.0.1:7070 --json | jq .types`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			b, err := c.open(command.Context(), toRead)
			if err != nil {
				return err
			}
			defer b.Close()
			stats, err := b.Stats(command.Context())
			if err != nil {
				return fmt.Errorf("count: %w", err)
			}
			return c.printStats(stats)
		},
	}
}

func (c *cli) printStats(s store.Stats) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(s)
	}
	out := c.output()
	fmt.Fprintf(out, "events   %d\nstreams  %d\nitems    %d\nsize     %s\nhead     %d\n", s.Events, s.Streams, s.Items, screen.Size(s.Bytes), s.Head)
	if c.server != "" { // a folder was opened this moment, and nothing was appended since
		fmt.Fprintf(out, "rate     %s events/s, %s/s over the last minute\n", screen.Rate(s.EventsPerSecond), screen.Size(uint64(s.BytesPerSecond)))
	}
	if len(s.Types) == 0 {
		return out.Flush()
	}
	fmt.Fprintln(out)
	table := out.Table(screen.Column{Title: "TYPE", Colour: screen.Cyan}, screen.Column{Title: "EVENTS", Right: true})
	for _, name := range typesByCount(s.Types) {
		if err := table.Row(name, strconv.FormatUint(s.Types[name], 10)); err != nil {
			return err
		}
	}
	return table.Flush()
}

// typesByCount returns the types, the most frequent first.
func typesByCount(types map[string]uint64) []string {
	return slices.SortedFunc(maps.Keys(types), func(a, b string) int {
		return cmp.Or(cmp.Compare(types[b], types[a]), cmp.Compare(a, b))
	})
}
