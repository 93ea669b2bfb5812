package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

func (c *cli) trimCommand() *cobra.Command {
	var before, keep uint64
	archive := ""
	command := &cobra.Command{
		Use:   "trim {--before POSITION | --keep N} --archive DIR",
		Short: "Move old files of the log to an archive",
		Long: `Moves the full files of a folder's log in which every event is older than a position, or than the newest N events, to another folder,
perhaps on a larger and slower disk. Nothing else changes: events in the archive are read as before.

The folder remembers where its archive is, in its file ARCHIVE, and cannot be opened without it. It has one archive only. While a server
holds the folder, trim cannot: stop the server first.`,
		Example: `  oxbow trim --keep 1000000 --archive /mnt/archive/shop
  oxbow trim --before 500000 --archive ../old --data shop`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			flags := command.Flags()
			switch {
			case archive == "":
				return wrongFlag("archive", "names no folder")
			case flags.Changed("before") == flags.Changed("keep"):
				return wrongFlag("before", "or --keep is needed, and not both")
			}
			return c.trim(command.Context(), archive, func(head store.Position) store.Position {
				if flags.Changed("before") {
					return store.Position(before)
				}
				return head - min(head, store.Position(keep)) + 1
			})
		},
	}
	command.Flags().Uint64Var(&before, "before", 0, "move what is before this `POSITION`")
	command.Flags().Uint64Var(&keep, "keep", 0, "keep the newest `N` events in the folder")
	command.Flags().StringVar(&archive, "archive", "", "the folder `DIR` to move to")
	_ = command.MarkFlagDirname("archive")
	return command
}

func (c *cli) trim(ctx context.Context, archive string, before func(head store.Position) store.Position) error {
	l, err := c.openLog("trim")
	if err != nil {
		return err
	}
	report, err := trimTo(ctx, l, archive, before)
	if err = errors.Join(err, l.Close()); err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.out).Encode(report)
	}
	out := c.output()
	if report.Segments == 0 {
		fmt.Fprintln(out, "nothing to do: no full file is that old")
		return out.Flush()
	}
	fmt.Fprintf(out, "moved %s (%s) to %s; it has all before position %d now\n",
		counted(report.Segments, "file"), screen.Size(uint64(report.Bytes)), screen.Clean(report.Archive), report.Before)
	return out.Flush()
}

func trimTo(ctx context.Context, l *filelog.Log, archive string, before func(head store.Position) store.Position) (filelog.TrimReport, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return filelog.TrimReport{}, err
	}
	return l.Trim(ctx, before(head), archive)
}
