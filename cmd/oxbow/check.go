package main

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
	"github.com/oxbow-events/oxbow/store"
)

// checkFlags say what to check, and how.
type checkFlags struct {
	upcasters bool
	schemas   string
	perSchema int
	seed      uint64
	ignore    []string
}

func (c *cli) checkCommand() *cobra.Command {
	var f checkFlags
	command := &cobra.Command{
		Use:   "check --upcasters --schemas DIR",
		Short: "Check that a program can read what is stored",
		Long: `Samples the events of each stored type and version, spread over the whole log, and compares them with the golden schemas that the
program keeps in its repository (Go: schematest.Golden writes them). It reports

  - events that do not fit the schema of their type and version,
  - types and versions that neither a golden schema nor an upcaster knows,
  - versions from which no upcaster leads to the program's newest one.

The upcasters themselves run only in the program. It takes the same events through them in a test of its own, with one line that
this command prints. Nothing is written. The exit code is 1 when something was found.`,
		Example: `  oxbow check --upcasters --schemas testdata/schemas
  oxbow check --upcasters --schemas testdata/schemas --per-schema 1000 --ignore other.program
  oxbow check --upcasters --schemas testdata/schemas --seed 4012 --json | jq .stored`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return c.check(command.Context(), f)
		},
	}
	flags := command.Flags()
	flags.BoolVar(&f.upcasters, "upcasters", false, "check stored events against golden schemas and their upcasters")
	flags.StringVar(&f.schemas, "schemas", "", "the `DIR` with the golden schemas")
	flags.IntVar(&f.perSchema, "per-schema", 100, "events of each type and version to look at, at most")
	flags.Uint64Var(&f.seed, "seed", 0, "look at the same events as the check that printed this seed")
	flags.Var((*commaList)(&f.ignore), "ignore", "leave this type alone; repeat, or separate by commas")
	_ = command.MarkFlagDirname("schemas")
	return command
}

func (f *checkFlags) check() error {
	switch {
	case !f.upcasters:
		return event.Invalid("--upcasters", "is missing; it says what to check, and there is nothing else yet")
	case f.schemas == "":
		return wrongFlag("schemas", "is missing; name the folder of golden schemas that schematest.Golden has written")
	case f.perSchema < 1:
		return wrongFlag("per-schema", "is %d; look at one event at least", f.perSchema)
	}
	return nil
}

func (c *cli) check(ctx context.Context, f checkFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	golden, err := readGolden(f.schemas)
	if err != nil {
		return err
	}
	b, err := c.open(ctx, toRead)
	if err != nil {
		return err
	}
	defer b.Close()
	samples, seed, err := c.sample(ctx, b, schema.Sampling{PerSchema: f.perSchema, Seed: f.seed})
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	samples = slices.DeleteFunc(samples, func(s schema.Sampled) bool { return slices.Contains(f.ignore, s.Schema.Type) })
	report := fitReport{Seed: seed, Stored: []fit{}}
	for _, s := range samples {
		fit, err := fitTo(golden, s)
		if err != nil {
			return wrongFlag("schemas", "%v", err)
		}
		report.Stored = append(report.Stored, fit)
	}
	if err := c.printFit(report, f); err != nil {
		return err
	}
	if n := report.bad(); n > 0 {
		return fmt.Errorf("check: %d of %d stored types and versions do not fit the golden schemas in %s", n, len(report.Stored), f.schemas)
	}
	return nil
}

func readGolden(dir string) (schema.Golden, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return schema.Golden{}, wrongFlag("schemas", "%s is no folder", dir)
	}
	golden, err := schema.ReadGolden(os.DirFS(dir))
	switch {
	case err != nil:
		return schema.Golden{}, wrongFlag("schemas", "%v", err)
	case len(golden.Schemas) == 0:
		return schema.Golden{}, wrongFlag("schemas", "there are no golden schemas in %s; schematest.Golden writes them", dir)
	}
	return golden, nil
}

// sample shows how far it is.
func (c *cli) sample(ctx context.Context, b backend.Backend, cfg schema.Sampling) ([]schema.Sampled, uint64, error) {
	head, err := b.Head(ctx)
	if err != nil {
		return nil, 0, err
	}
	bar := screen.NewProgress(c.progressTo(), "check", int64(head), screen.Events)
	defer bar.Done()
	return schema.Sample(ctx, progressing{b, bar}, cfg)
}

// progressing moves a bar along with what is read.
type progressing struct {
	from schema.Reader
	bar  *screen.Progress
}

func (w progressing) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for r, err := range w.from.Read(ctx, q) {
			w.bar.Set(int64(r.Position))
			if !yield(r, err) {
				return
			}
		}
	}
}

func (c *cli) printFit(r fitReport, f checkFlags) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(r)
	}
	out := c.output()
	for _, s := range r.Stored {
		fmt.Fprintf(out, "%s v%d: %d of %s sampled", s.Type, s.Version, s.Sampled, counted(int(s.Events), "event"))
		if s.ReadAs != "" {
			fmt.Fprintf(out, ", read as %s", s.ReadAs)
		}
		if s.Unchecked != "" {
			fmt.Fprintf(out, ", %s", s.Unchecked)
		}
		if s.OK {
			fmt.Fprint(out, ": ok")
		}
		fmt.Fprintln(out)
		for _, p := range s.Problems {
			fmt.Fprintf(out, "  %s\n", screen.Clean(p.String()))
		}
		if more := s.Misfits - len(s.Problems); more > 0 {
			fmt.Fprintf(out, "  and %s more that do not fit\n", counted(more, "event"))
		}
	}
	fmt.Fprintf(out, "seed %d\n\nTo take the same events through the program's own upcasters, write in a test of it, with the store opened:\n\n"+
		"\tschematest.RoundTrip(t, st, schema.CheckConfig{Sampling: schema.Sampling{PerSchema: %d, Seed: %d}})\n", r.Seed, f.perSchema, r.Seed)
	return out.Flush()
}
