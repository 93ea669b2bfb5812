package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
)

// letterAction is a redrive or a discard.
type letterAction struct {
	letterFlags
	whoFlags
	verb   string
	all    bool
	dryRun bool
	rate   float64
}

func (a *letterAction) bind(c *cli, command *cobra.Command) {
	a.letterFlags.bind(c, command)
	command.Flags().BoolVar(&a.all, "all", false, a.verb+" all letters of the consumer")
	command.Flags().BoolVar(&a.dryRun, "dry-run", false, "report what would be done, and do nothing")
	c.completeConsumer(command)
}

func (c *cli) lettersRedriveCommand() *cobra.Command {
	a := letterAction{verb: "redrive"}
	command := &cobra.Command{
		Use:   "redrive CONSUMER {POSITION | --key KEY | FILTER… | --all}",
		Short: "Let the consumer try dead letters again",
		Long: `Asks the consumer to try the letters that are chosen. It takes those of a key in order, and the letters that wait behind one that
succeeds follow by themselves; a letter that fails again stays, with its new error. The consumer does so within about a second while
it runs, and otherwise when it runs next.

A letter that waits behind one that is not chosen is left alone, and the report says so. A redrive that was interrupted is simply run
again: nothing is done twice.`,
		Example: `  oxbow deadletters redrive billing 42
  oxbow deadletters redrive billing --type order.placed --error timeout --dry-run
  oxbow deadletters redrive billing --all --rate 50 --why 'the bank is back'`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			return c.act(command.Context(), &a, args, backend.Letters.Redrive)
		},
	}
	a.bind(c, command)
	a.whoFlags.bind(command, "why", "the reason, for the journal")
	command.Flags().Float64Var(&a.rate, "rate", 0, "ask for at most so many keys a second; 0 is as fast as it goes")
	return command
}

func (c *cli) lettersDiscardCommand() *cobra.Command {
	a := letterAction{verb: "discard"}
	command := &cobra.Command{
		Use:   "discard CONSUMER {POSITION | --key KEY | FILTER… | --all} --reason REASON",
		Short: "Delete dead letters for good",
		Long: `Deletes the letters that are chosen; the records in the log stay. Where the first letter of a key is deleted, those that wait
behind it go on. The journal keeps the reason.`,
		Example: `  oxbow deadletters discard billing 42 --reason 'a test order'
  oxbow deadletters discard billing --key order-42 --dry-run --reason 'a test order'`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			if strings.TrimSpace(a.why) == "" {
				return wrongFlag("reason", "is needed: what is discarded is gone, and the journal keeps why")
			}
			return c.act(command.Context(), &a, args, backend.Letters.Discard)
		},
	}
	a.bind(c, command)
	a.whoFlags.bind(command, "reason", "why, for the journal; needed")
	return command
}

func (c *cli) act(
	ctx context.Context, a *letterAction, args []string,
	do func(backend.Letters, context.Context, deadletter.Filter, deadletter.Options) (deadletter.Report, error),
) error {
	f, err := a.filter(args)
	if err != nil {
		return err
	}
	if err := a.meant(f); err != nil {
		return err
	}
	return c.withLetters(ctx, args[0], func(l backend.Letters) error {
		count, err := l.Count(ctx)
		if err != nil {
			return err
		}
		progress := screen.NewProgress(c.progressTo(), a.verb, int64(count.Letters), screen.Events)
		report, err := do(l, ctx, f, deadletter.Options{
			All: a.all, By: a.who(), Why: a.why, DryRun: a.dryRun, Rate: a.rate,
			Progress: func(r deadletter.Report) { progress.Set(int64(r.Looked)) },
		})
		progress.Done()
		if err != nil && report.Looked == 0 {
			return asFlag(err)
		}
		return errors.Join(c.showReport(a, report), err, a.left(report))
	})
}

// meant refuses a command line that says nothing about which letters.
func (a *letterAction) meant(f deadletter.Filter) error {
	nothing := f.Position == 0 && f.Key == "" && f.Stream == "" && len(f.Types) == 0 && f.Error == "" && f.State == "" && f.After == 0 &&
		f.Before == 0 && f.Since.IsZero() && f.Until.IsZero()
	switch {
	case nothing && !a.all:
		return usage("POSITION", "is missing: say which letters, by position, --key or another filter; or --all to %s every one", a.verb)
	case !nothing && a.all:
		return wrongFlag("all", "and a filter exclude each other")
	}
	return nil
}

// left is the error when letters that were chosen had to be left alone.
func (a *letterAction) left(r deadletter.Report) error {
	switch {
	case a.verb == "redrive" && r.Held > 0 && r.Letters == 0:
		b := r.Behind[0]
		return fmt.Errorf("%w: the letter at position %d waits behind that at %d; redrive that one, or the key", errPartly, b.Position, b.Front)
	case len(r.Damage) > 0 && (a.verb == "redrive" || r.Letters < r.Damaged):
		return fmt.Errorf("%w: %s", errPartly, r.Damage[0])
	}
	return nil
}

func (c *cli) showReport(a *letterAction, r deadletter.Report) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(r)
	}
	out := c.output()
	would := ""
	if r.DryRun {
		would = "would be "
	}
	if a.verb == "redrive" {
		fmt.Fprintf(out, "%s %sasked to go on, with %s of those chosen\n", counted(int(r.Keys), "key"), would, counted(int(r.Letters), "letter"))
	} else {
		fmt.Fprintf(out, "%s %sdiscarded, and %s %sasked to go on\n", counted(int(r.Letters), "letter"), would, counted(int(r.Keys), "key"), would)
	}
	a.showRest(out, r)
	return out.Flush()
}

func (a *letterAction) showRest(out io.Writer, r deadletter.Report) {
	if r.Already > 0 {
		fmt.Fprintf(out, "%s had been asked before\n", counted(int(r.Already), "key"))
	}
	if r.Held > 0 {
		fmt.Fprintf(out, "%s left alone, behind letters that were not chosen:\n", counted(int(r.Held), "letter"))
		for _, b := range r.Behind[:min(len(r.Behind), 10)] {
			fmt.Fprintf(out, "    %d behind %d\n", b.Position, b.Front)
		}
	}
	if r.Damaged > 0 {
		fmt.Fprintf(out, "%s cannot be read:\n", counted(int(r.Damaged), "letter"))
		for _, text := range r.Damage[:min(len(r.Damage), 10)] {
			fmt.Fprintf(out, "    %s\n", screen.Clean(text))
		}
	}
	if r.Next > 0 {
		fmt.Fprintf(out, "it ended before position %d was behind it; run it again to go on\n", r.Next+1)
	}
}

// usage returns the usage error for an argument.
func usage(argument, format string, args ...any) error {
	return event.Invalid(argument, format, args...)
}
