package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
)

func (c *cli) lettersShowCommand() *cobra.Command {
	payload := false
	command := &cobra.Command{
		Use:   "show CONSUMER POSITION",
		Short: "Show one dead letter: payload, metadata, error, stack, attempts, edits",
		Example: `  oxbow deadletters show billing 42
  oxbow deadletters show billing 42 --payload > letter.json`,
		Args: cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			p, err := parsePosition(args[1])
			switch {
			case err != nil:
				return err
			case payload && c.json:
				return wrongFlag("payload", "and --json exclude each other; a payload is printed as it is")
			}
			return c.withLetters(command.Context(), args[0], func(l backend.Letters) error {
				letter, err := l.Get(command.Context(), p)
				if err != nil {
					return err
				}
				if payload {
					_, err := c.out.Write(letter.Record.Data)
					return err
				}
				return c.showLetter(command.Context(), l, letter)
			})
		},
	}
	command.Flags().BoolVar(&payload, "payload", false, "print the data alone, byte for byte")
	c.completeConsumer(command)
	return command
}

func (c *cli) showLetter(ctx context.Context, l backend.Letters, letter deadletter.Letter) error {
	out := c.output()
	if c.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(letter); err != nil {
			return err
		}
		return out.Flush()
	}
	showHead(out, &letter)
	showBlock(out, "error", letter.Error)
	showBlock(out, "stack", letter.Stack)
	for i, e := range letter.Edits {
		before, after, err := versions(ctx, l, letter.Record.Position, i)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\nedit %d by %s at %s: %s\n", i+1, screen.Clean(e.By), e.At.UTC().Format(timeLayout), screen.Clean(e.Why))
		showLines(out, difference(shown(before, e.HeadersBefore), shown(after, e.Headers)))
	}
	if letter.Record.Data == nil {
		fmt.Fprintf(out, "\ndata: none\n")
	} else {
		showBlock(out, "data", string(pretty(letter.Record.Data)))
	}
	return out.Flush()
}

func versions(ctx context.Context, l backend.Letters, p event.Position, edit int) (before, after []byte, err error) {
	if before, err = l.Data(ctx, p, edit); err != nil {
		return nil, nil, err
	}
	after, err = l.Data(ctx, p, edit+1)
	return before, after, err
}

func showHead(out io.Writer, l *deadletter.Letter) {
	r := &l.Record
	state := string(l.State)
	if l.Behind > 0 {
		state += fmt.Sprintf(", behind the letter at position %d", l.Behind)
	}
	if l.Requested {
		state += ", asked to go on"
	}
	for _, line := range [...]struct{ name, value string }{
		{"position", position(r.Position)},
		{"state", state},
		{"key", l.Key},
		{"attempts", fmt.Sprint(l.Attempts)},
		{"parked", l.First.UTC().Format(timeLayout)},
		{"last", l.Last.UTC().Format(timeLayout)},
		{"type", fmt.Sprintf("%s, version %d", r.Type, r.SchemaVersion())},
		{"stream", fmt.Sprintf("%s, revision %d", r.Stream, r.Revision)},
		{"id", r.ID.String()},
		{"time", r.Time.UTC().Format(timeLayout)},
		{"topic", r.Topic},
		{"source", r.Source},
		{"subject", r.Subject},
		{"correlation", r.CorrelationID.String()},
		{"causation", r.CausationID.String()},
		{"user", r.UserID},
		{"tags", strings.Join(r.Tags, ", ")},
		{"traceparent", r.TraceParent},
		{"content type", r.ContentType},
		{"data schema", r.DataSchema},
	} {
		if line.value != "" {
			fmt.Fprintf(out, "%-12s  %s\n", line.name, screen.Clean(line.value))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		fmt.Fprintf(out, "%-12s  %s: %s\n", "header", screen.Clean(name), screen.Clean(r.Headers[name]))
	}
}

func showBlock(out io.Writer, title, text string) {
	if text != "" {
		fmt.Fprintf(out, "\n%s:\n", title)
		showLines(out, text)
	}
}

// showLines writes lines of a text that may hold anything.
func showLines(out io.Writer, text string) {
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		line = strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    ")
		fmt.Fprintf(out, "    %s\n", screen.Clean(line))
	}
}

// pretty returns data for people: JSON with a member a line, text as it is, anything else by its size.
func pretty(data []byte) []byte {
	var b bytes.Buffer
	switch {
	case len(data) > 0 && json.Indent(&b, data, "", "  ") == nil:
		return b.Bytes()
	case utf8.Valid(data):
		return data
	}
	return fmt.Appendf(nil, "(%d bytes that are no text)", len(data))
}
