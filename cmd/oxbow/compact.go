package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func (c *cli) compactCommand() *cobra.Command {
	all := false
	command := &cobra.Command{
		Use:   "compact",
		Short: "Give back the space of what is gone",
		Long: `Writes those full files of a folder's log anew of which a fifth or more is gone: events of streams that were deleted, or are beyond
a limit (see oxbow stream), and old values of items. Positions and revisions stay what they are. What was removed cannot come
back, and is in no file of the log any more.

The newest file is left alone, and so are files in the archive (see oxbow trim). While a server holds the folder, compact cannot: stop
the server first.`,
		Example: `  oxbow compact
  oxbow compact --all --data /var/lib/oxbow`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return c.compact(command.Context(), filelog.CompactConfig{All: all})
		},
	}
	command.Flags().BoolVar(&all, "all", false, "write every file anew of which anything is gone")
	return command
}

func (c *cli) compact(ctx context.Context, cfg filelog.CompactConfig) error {
	l, err := c.openLog("compact")
	if err != nil {
		return err
	}
	report, err := l.Compact(ctx, cfg)
	if err = errors.Join(err, l.Close()); err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.out).Encode(report)
	}
	out := c.output()
	if report.Segments == 0 {
		fmt.Fprintln(out, "nothing to do: too little is gone from the full files")
		return out.Flush()
	}
	fmt.Fprintf(out, "removed %s and %s from %s: %s before, %s now\n",
		counted(int(report.Records), "event"), counted(int(report.Items), "old value"), counted(report.Segments, "file"),
		screen.Size(uint64(report.Before)), screen.Size(uint64(report.After)))
	if report.Deferred {
		fmt.Fprintln(out, "the new files take the place of the old ones when the folder is opened next")
	}
	return out.Flush()
}
