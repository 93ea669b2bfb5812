package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/event"
)

// importFlags say what the lines are and how careful to be.
type importFlags struct {
	mappingFlags
	format string
	strict bool
	dryRun bool
}

func (c *cli) importCommand() *cobra.Command {
	var f importFlags
	command := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Append the lines of a file as events",
		Long: `Appends one event for each line of JSON in FILE (- is standard input). The formats:

  cloudevents  a CloudEvents 1.0 object a line, as 'oxbow export' writes them
  github       a GitHub webhook delivery a line: {"event": …, "action": …, "payload": {…}}
  ndjson       any JSON; the flags --type, --stream and so on say what becomes what, with fields of the line in braces

A template such as order-{order.id} fits a line that has all its fields; of several for the same flag the first that fits is taken.

A line that is broken is reported with its number and the rest goes in; the exit code is then 6. --strict checks the whole input
first and imports nothing if any line is broken. Events without an id get one made from their line, so that importing the same
file again, all of it or what an interruption left, adds only what is missing.`,
		Example: `  oxbow import --format github webhooks.ndjson
  oxbow import --format cloudevents --strict backup.ndjson
  zcat orders.gz | oxbow import --format ndjson --type 'order.{kind}' --stream 'order-{order.id}' --time '{at}' -
  oxbow import --format ndjson --type 'log.{level}' --tag 'host:{host}' --dry-run app.log`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name one file to import, or - for standard input")
			}
			return nil
		},
		RunE: func(command *cobra.Command, args []string) error {
			return c.importFile(command.Context(), &f, args[0])
		},
	}
	flags := command.Flags()
	flags.StringVar(&f.format, "format", "cloudevents", "what the lines are: cloudevents, github or ndjson")
	flags.BoolVar(&f.strict, "strict", false, "import nothing if any line is broken")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check every line and import nothing")
	f.mappingFlags.bind(flags)
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"cloudevents", "github", "ndjson"}, cobra.ShellCompDirectiveNoFileComp))
	return command
}

func (c *cli) importFile(ctx context.Context, f *importFlags, name string) error {
	format, err := f.lineFormat()
	if err != nil {
		return err
	}
	in, err := c.openInput(ctx, name)
	if err != nil {
		return err
	}
	defer in.close()
	i := importer{strict: f.strict, report: importReport{DryRun: f.dryRun}}
	if f.strict && !f.dryRun {
		if err := c.checkAll(ctx, in, format); err != nil {
			return fmt.Errorf("%w; with --strict nothing was imported", err)
		}
	}
	if !f.dryRun {
		i.open = func() (backend.Backend, error) { return c.open(ctx, toWrite) }
	}
	err = errors.Join(c.importLines(ctx, in, format, &i, "import"), i.close())
	if err != nil && i.report.lines() == 0 {
		return err
	}
	return errors.Join(c.printImport(&i.report), c.importOutcome(&i.report, err))
}

// checkAll reads the whole input and returns the error of its first broken line. The input can be read again afterwards.
func (c *cli) checkAll(ctx context.Context, in *input, format lineFormat) error {
	if err := in.keep(); err != nil {
		return err
	}
	check := importer{strict: true}
	if err := c.importLines(ctx, in, format, &check, "check"); err != nil {
		return err
	}
	return in.rewind()
}

// importLines gives every line to the importer.
func (c *cli) importLines(ctx context.Context, in *input, format lineFormat, i *importer, title string) error {
	var bar *screen.Progress
	if in.pipe == nil || screen.Terminal(c.in) == nil { // whoever types needs the screen
		bar = screen.NewProgress(c.progressTo(), title, in.size, screen.Bytes)
	}
	defer bar.Done()
	lines, err := format(in)
	if err != nil {
		return err
	}
	return i.takeAll(ctx, lines, func() { bar.Set(in.done) })
}

// printImport tells what became of the lines.
func (c *cli) printImport(r *importReport) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(r)
	}
	for _, line := range r.Lines {
		c.note(fmt.Sprintf("oxbow: line %d: %s", line.Line, line.Error))
	}
	if more := r.Broken - len(r.Lines); more > 0 {
		c.note(fmt.Sprintf("oxbow: and %s more", counted(more, "broken line")))
	}
	if r.DryRun {
		return c.printDryRun(r)
	}
	_, err := fmt.Fprintf(c.out, "imported %s, %d already there, %s broken\n", counted(r.Imported, "event"), r.Present, counted(r.Broken, "line"))
	return err
}

func (c *cli) printDryRun(r *importReport) error {
	out := c.output()
	table := out.Table(screen.Column{Title: "TYPE", Colour: screen.Cyan}, screen.Column{Title: "EVENTS", Right: true})
	for _, name := range typesByCount(r.Types) {
		if err := table.Row(name, strconv.FormatUint(r.Types[name], 10)); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.out, "would import %s, %s broken\n", counted(r.Imported, "event"), counted(r.Broken, "line"))
	return err
}

// importOutcome returns the error that the import ends with.
func (c *cli) importOutcome(r *importReport, err error) error {
	lines := r.lines()
	switch {
	case errors.Is(err, context.Canceled):
		c.note("oxbow: interrupted; run the same command again to import the rest")
		return err
	case err != nil:
		return err
	case r.Broken == 0:
		return nil
	case r.Broken == lines:
		return event.Invalid("input", "none of its %s could be imported; is --format right?", counted(lines, "line"))
	}
	return fmt.Errorf("%w: %d of %s did not go in", errPartly, r.Broken, counted(lines, "line"))
}
