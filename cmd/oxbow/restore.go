package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func (c *cli) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Verify a backup and copy it to a folder",
		Long: `Checks every byte of the backup, copies it to the folder that --data names, which must be empty or not exist, and checks the copy.
The backup stays as it is, and shares nothing with the copy.

A backup that is damaged is not restored; the exit code is then 5. What 'oxbow verify' says of it tells where.`,
		Example: `  oxbow restore backups/monday
  oxbow restore /mnt/other-disk/monday --data /var/lib/oxbow`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return c.restore(command.Context(), args[0])
		},
	}
}

func (c *cli) restore(ctx context.Context, backup string) error {
	path, err := c.folder("restore")
	if err != nil {
		return err
	}
	bar := screen.NewProgress(c.progressTo(), "restore", 1, screen.Bytes) // the true total comes with the first report
	report, err := filelog.Restore(ctx, backup, path, func(done, total int64) {
		bar.Total(total)
		bar.Set(done)
	})
	bar.Done()
	if err != nil {
		return inUseError(err)
	}
	if c.json {
		return json.NewEncoder(c.out).Encode(withDamage(&report))
	}
	out := c.output()
	fmt.Fprintf(out, "restored  %s\nsegments  %d (%s)\ncommits   %d\nevents    %d in %s\nhead      %d\n", screen.Clean(path),
		report.Segments, screen.Size(uint64(report.Bytes)), report.Commits, report.Events, counted(report.Streams, "stream"), report.Head)
	return out.Flush()
}
