package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

func (c *cli) exportCommand() *cobra.Command {
	var filter filterFlags
	command := &cobra.Command{
		Use:   "export [FILE|-]",
		Short: "Write events to a file, one CloudEvent a line",
		Long: `Writes the events that match all flags as CloudEvents 1.0, one JSON object a line, to FILE or standard output (-, the default).
'oxbow import --format cloudevents' of that file into an empty folder gives the same events: ids, streams, times, data, causation.
FILE appears under its name only when it is whole.`,
		Example: `  oxbow export events.ndjson
  oxbow export --prefix order- | gzip > orders.ndjson.gz
  oxbow export --server http://127.0.0.1:7070 --after 1000 new.ndjson`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			q, err := filter.query()
			if err != nil {
				return err
			}
			return c.export(command.Context(), q, args)
		},
	}
	filter.bind(c, command)
	filter.bindRange(command)
	return command
}

func (c *cli) export(ctx context.Context, q store.Query, args []string) error {
	b, err := c.open(ctx, toRead)
	if err != nil {
		return err
	}
	defer b.Close()
	if len(args) == 0 || args[0] == "-" {
		_, err := c.exportTo(ctx, b, q, c.out)
		return err
	}
	n, err := intoFile(args[0], func(w io.Writer) (int, error) { return c.exportTo(ctx, b, q, w) })
	if err != nil {
		return err
	}
	c.note(fmt.Sprintf("exported %s to %s", counted(n, "event"), args[0]))
	return nil
}

func (c *cli) exportTo(ctx context.Context, b backend.Backend, q store.Query, w io.Writer) (n int, err error) {
	head, err := b.Head(ctx)
	if err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	var bar *screen.Progress
	if screen.Terminal(w) == nil {
		bar = screen.NewProgress(c.progressTo(), "export", int64(head), screen.Events)
	}
	defer bar.Done()
	p := cloudEventPrinter{screen.New(w)}
	for r, err := range b.Read(ctx, q) {
		if err != nil {
			return n, fmt.Errorf("export: %w", err)
		}
		if err := p.Print(r); err != nil {
			return n, fmt.Errorf("export: %w", err)
		}
		bar.Set(int64(r.Position))
		n++
	}
	return n, p.Flush()
}

// intoFile lets write fill a file, which gets its name only when it is whole and on the disk.
func intoFile(name string, write func(io.Writer) (int, error)) (n int, err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return intoOther(name, write)
	}
	file, err := os.OpenFile(name+"."+event.NewID().String()+".part", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name()) // after the renaming there is nothing left of that name
	n, err = write(file)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return n, err
	}
	return n, os.Rename(file.Name(), name)
}

// intoOther writes to what is no file to be replaced: a pipe, a device.
func intoOther(name string, write func(io.Writer) (int, error)) (n int, err error) {
	file, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	n, err = write(file)
	return n, errors.Join(err, file.Close())
}
