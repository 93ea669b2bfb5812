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

func (c *cli) backupCommand() *cobra.Command {
	var cfg filelog.BackupConfig
	command := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy a folder's events, items and index to another folder",
		Long: `Writes a backup of the folder to DIR, which must be empty or not exist. The backup is a folder like any other: verify it with
'oxbow verify --data DIR', get it back with 'oxbow restore DIR'. One that was interrupted is never taken for a whole one.

On the same disk, files that never change again get a second name instead of a copy: that is quick and takes little room, and protects
from mistakes, but what spoils one spoils both. --copy copies everything. A backup on another disk is always a copy.

It works on a folder that no server holds. A program that has the log open takes a backup while it goes on writing, with the method
Backup of store/filelog.`,
		Example: `  oxbow backup backups/monday
  oxbow backup /mnt/other-disk/monday --data /var/lib/oxbow
  oxbow backup backups/whole --copy`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return c.backup(command.Context(), args[0], cfg)
		},
	}
	command.Flags().BoolVar(&cfg.Copy, "copy", false, "copy every file; the default links those that never change")
	return command
}

func (c *cli) backup(ctx context.Context, dir string, cfg filelog.BackupConfig) (err error) {
	if _, err := c.folder("backup"); err != nil {
		return err
	}
	driver, err := c.openDriver(toRead, c.holder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, driver.Close()) }()
	log, ok := driver.(*filelog.Log)
	if !ok {
		return wrongFlag("data", "%q is no folder", c.data)
	}
	report, err := log.Backup(ctx, dir, cfg)
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.out).Encode(report)
	}
	out := c.output()
	fmt.Fprintf(out, "backup   %s\nhead     %d\ncommits  %d\ncopied   %s\n", screen.Clean(dir), report.Position, report.Commits, screen.Size(uint64(report.Copied)))
	if report.Linked > 0 {
		fmt.Fprintf(out, "linked   %s, shared with %s: what spoils one spoils both; --copy shares nothing\n",
			screen.Size(uint64(report.Linked)), screen.Clean(c.data))
	}
	return out.Flush()
}

// folder returns the path of the folder that --data names, for commands that work on the files themselves.
func (c *cli) folder(command string) (path string, err error) {
	if c.server != "" {
		return "", wrongFlag("server", "is not for %s, which works on the files themselves; name their folder with --data", command)
	}
	name, path := splitAddress(c.data)
	if !schemes[name].folder {
		return "", wrongFlag("data", "%q is no folder", c.data)
	}
	if path == "" {
		return "", wrongFlag("data", "names no folder")
	}
	return path, nil
}
