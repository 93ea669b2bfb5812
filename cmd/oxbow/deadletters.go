package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/store"
)

func (c *cli) deadLettersCommand() *cobra.Command {
	command := &cobra.Command{
		Use:     "deadletters",
		Aliases: []string{"deadletter", "dl"},
		Short:   "Look after the records that a consumer could not handle",
		Long: `A record that a consumer could not handle, however often it tried, becomes a dead letter. Later records of its key wait behind
it, so that their order is kept; other keys go on. Mend the handler, or the letter with 'edit', then 'redrive'; or 'discard' it.

What is done to letters is kept in a journal, with who (--by) and why.`,
		Example: `  oxbow deadletters list                               # consumers, and how many letters each has
  oxbow deadletters list billing --state failed
  oxbow deadletters show billing 42
  oxbow deadletters redrive billing --key order-42`,
	}
	command.AddCommand(c.lettersListCommand(), c.lettersShowCommand(), c.lettersEditCommand(), c.lettersRedriveCommand(),
		c.lettersDiscardCommand(), c.lettersJournalCommand())
	return command
}

// letterFlags choose dead letters.
type letterFlags struct {
	key, stream, errorText, state string
	types                         []string
	after, before                 uint64
	since, until                  string
}

func (f *letterFlags) bind(c *cli, command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.key, "key", "", "only letters of this ordering key; by default a record's key is its stream")
	flags.StringVar(&f.stream, "stream", "", "only of this stream")
	flags.Var((*commaList)(&f.types), "type", "only of this event type; repeat, or separate by commas, for any of several")
	flags.StringVar(&f.errorText, "error", "", "only those whose error has this `TEXT` in it, upper and lower case alike")
	flags.StringVar(&f.state, "state", "", "only failed, or only waiting ones")
	flags.Uint64Var(&f.after, "after", 0, "only after this position")
	flags.Uint64Var(&f.before, "before", 0, "only before this position")
	flags.StringVar(&f.since, "since", "", "only those parked since this `TIME`: 2026-01-02T15:04:05Z, or 2h for two hours ago")
	flags.StringVar(&f.until, "until", "", "only those parked before this `TIME`")
	c.completeNames(command, "stream", "type")
	_ = command.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"failed", "waiting"}, cobra.ShellCompDirectiveNoFileComp))
}

// filter returns what the flags, and the position among the arguments if there is one, ask for.
func (f *letterFlags) filter(args []string) (filter deadletter.Filter, err error) {
	filter = deadletter.Filter{
		Key: f.key, Stream: f.stream, Types: f.types, Error: f.errorText, State: deadletter.State(f.state),
		After: store.Position(f.after), Before: store.Position(f.before),
	}
	if len(args) > 1 {
		if filter.Position, err = parsePosition(args[1]); err != nil {
			return filter, err
		}
	}
	if filter.Since, err = instant("since", f.since); err != nil {
		return filter, err
	}
	if filter.Until, err = instant("until", f.until); err != nil {
		return filter, err
	}
	return filter, asFlag(filter.Check())
}

func parsePosition(text string) (store.Position, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%w", usage("POSITION", "%q is not a position; 'oxbow deadletters list CONSUMER' shows them", text))
	}
	return store.Position(n), nil
}

// instant reads a time, or a duration before now.
func instant(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return time.Now().Add(-ago).UTC().Round(0), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, wrongFlag(flag, "%q is neither a time as in 2026-01-02T15:04:05Z nor a duration as in 2h", text)
	}
	return t, nil
}

// withLetters calls fn with the dead letters of a consumer.
func (c *cli) withLetters(ctx context.Context, consumer string, fn func(backend.Letters) error) error {
	b, err := c.open(ctx, toRead)
	if err != nil {
		return err
	}
	defer b.Close()
	letters, err := b.Letters(consumer)
	if err != nil {
		return err
	}
	return fn(letters)
}

// whoFlags say who does something and why.
type whoFlags struct{ by, why string }

func (f *whoFlags) bind(command *cobra.Command, whyFlag, whyHelp string) {
	command.Flags().StringVar(&f.by, "by", "", "who does it, for the journal; default you and this machine")
	command.Flags().StringVar(&f.why, whyFlag, "", whyHelp)
}

// who returns --by, or the user and the machine.
func (f *whoFlags) who() string {
	if f.by != "" {
		return f.by
	}
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if name == "" {
		name = "somebody"
	}
	if host, err := os.Hostname(); err == nil {
		return name + "@" + host
	}
	return name
}
