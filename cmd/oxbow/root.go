package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
)

// cli is one run of the program: its streams, and the flags that all commands share.
type cli struct {
	in       io.Reader
	out, err io.Writer

	data   string
	server string
	json   bool

	holder  string // what other processes are told has the folder
	started bool   // the command line was understood; errors from here on are not about usage
}

const defaultData = "oxbow-data"

// run carries out one command line and returns the exit code.
func (c *cli) run(ctx context.Context, args []string) int {
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	command, err := root.ExecuteContextC(ctx)
	if err == nil || brokenPipe(err) {
		return exitOK
	}
	if !c.started {
		err = &usageError{command: command.CommandPath(), err: err}
		c.json = c.json || slices.Contains(args, "--json")
	}
	if ctx.Err() != nil {
		err = interrupted(err)
	}
	c.report(err)
	return exitCode(err)
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "oxbow",
		Short: "Keep events in a log, read them, follow them",
		Long: `Oxbow keeps events in a log: one folder on disk, one binary, no other server needed.

Commands work on a folder (--data) while no server runs on it, or on a running server (--server).`,
		Example: `  oxbow serve --demo                                  # a server with sample data, on http://127.0.0.1:7070
  oxbow tail --server http://127.0.0.1:7070           # in another terminal: events as they arrive
  oxbow publish order.placed '{"total":1999}' --stream order-42 --data my-data
  oxbow read --stream order-42 --data my-data`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(command *cobra.Command, _ []string) error {
			if flags := command.Flags(); flags.Changed("data") && flags.Changed("server") {
				return errors.New("--data and --server exclude each other: one names a folder, the other a server that has it")
			}
			c.started, c.holder = true, command.CommandPath()
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&c.data, "data", defaultData, "work on the folder `DIR`; file:DIR is the same, memory: is for serve only")
	flags.StringVar(&c.server, "server", "", "work on the running server at `URL`, as in http://127.0.0.1:7070")
	flags.BoolVar(&c.json, "json", false, "write JSON for machines, one value a line")
	_ = root.MarkPersistentFlagDirname("data")
	root.CompletionOptions.HiddenDefaultCmd = false

	root.AddGroup(&cobra.Group{ID: "write", Title: "Run and write:"}, &cobra.Group{ID: "read", Title: "Read:"}, &cobra.Group{ID: "care", Title: "Look after:"})
	add(root, "write", c.serveCommand(), c.publishCommand(), c.importCommand())
	add(root, "read", c.readCommand(), c.tailCommand(), c.streamsCommand(), c.exportCommand(), c.replayCommand())
	add(root, "care", c.statsCommand(), c.deadLettersCommand(), c.streamCommand(), c.backupCommand(), c.restoreCommand(), c.compactCommand(), c.trimCommand(), c.verifyCommand(),
		c.reindexCommand(), c.checkCommand(), c.versionCommand())
	root.AddCommand(exitCodesTopic(), noticesTopic())
	return root
}

func add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, command := range commands {
		command.GroupID = group
	}
	root.AddCommand(commands...)
}

// output returns standard output for people.
func (c *cli) output() *screen.Output { return screen.New(c.out) }

// note tells a person something beside the result; machines are spared.
func (c *cli) note(text string) {
	if !c.json {
		_, _ = io.WriteString(c.err, screen.Clean(text)+"\n")
	}
}

// progressTo is where progress is shown: on standard error, but not for machines.
func (c *cli) progressTo() io.Writer {
	if c.json || os.Getenv("TERM") == "dumb" {
		return io.Discard
	}
	return c.err
}
