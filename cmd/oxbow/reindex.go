package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func (c *cli) reindexCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reindex",
		Short: "Make the index and the items of a folder again",
		Long: `Removes the index and the items of a folder and makes them again from its events. That is the remedy when 'oxbow verify', or an
error, says that the index is damaged. Events are not touched. After an interruption, the next command that opens the folder makes the
rest.

While a server holds the folder, reindex cannot: stop the server first.`,
		Example: `  oxbow reindex
  oxbow reindex --data /var/lib/oxbow`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return c.reindex(command.Context())
		},
	}
}

func (c *cli) reindex(ctx context.Context) error {
	path, err := c.folder("reindex")
	if err != nil {
		return err
	}
	if err := c.mustExist(path); err != nil {
		return err
	}
	bar := screen.NewProgress(c.progressTo(), "reindex", 1, screen.Bytes) // the true total comes with the first report
	report, err := filelog.Reindex(ctx, path, func(done, total int64) {
		bar.Total(total)
		bar.Set(done)
	})
	bar.Done()
	if err != nil {
		return inUseError(err)
	}
	if c.json {
		return json.NewEncoder(c.out).Encode(report)
	}
	out := c.output()
	fmt.Fprintf(out, "segments  %d (%s)\nhead      %d\nindex     %s\nitems     %d\n",
		report.Segments, screen.Size(uint64(report.Bytes)), report.Head, screen.Size(uint64(report.IndexBytes)), report.Items)
	if report.ItemsKept {
		fmt.Fprintln(out, "\nthe items were left as they were: the log no longer has all that they were made from")
	}
	return out.Flush()
}
