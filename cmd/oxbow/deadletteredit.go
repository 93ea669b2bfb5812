package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// letterEditFlags say what a letter is to become.
type letterEditFlags struct {
	whoFlags
	headers []string
	remove  []string
	dryRun  bool
}

func (c *cli) lettersEditCommand() *cobra.Command {
	var f letterEditFlags
	command := &cobra.Command{
		Use:   "edit CONSUMER POSITION [FILE] --why REASON",
		Short: "Change the data or headers of a dead letter",
		Long: `Changes what the consumer gets when the letter is redriven; the record in the log stays as it is. The new data come from FILE (- is
standard input), or from the editor that VISUAL or EDITOR names; leave the text as it is to change nothing. The change is shown, and
kept in the letter and in the journal.

An edit of a letter that somebody else changed meanwhile is refused with exit code 3.`,
		Example: `  oxbow deadletters edit billing 42 --why 'comma in the total'
  oxbow deadletters edit billing 42 mended.json --why 'comma in the total'
  oxbow deadletters edit billing 42 --header region=eu --remove-header retries --why 'wrong region'`,
		Args: cobra.RangeArgs(2, 3),
		RunE: func(command *cobra.Command, args []string) error {
			p, err := parsePosition(args[1])
			if err != nil {
				return err
			}
			if strings.TrimSpace(f.why) == "" && !f.dryRun {
				return wrongFlag("why", "is needed: say the reason, it is kept in the journal")
			}
			return c.withLetters(command.Context(), args[0], func(l backend.Letters) error {
				return c.editLetter(command.Context(), l, p, args[2:], &f)
			})
		},
	}
	f.bind(command, "why", "the reason, for the journal; needed")
	flags := command.Flags()
	flags.StringArrayVar(&f.headers, "header", nil, "set a header, as in `NAME=VALUE`; may be repeated")
	flags.StringArrayVar(&f.remove, "remove-header", nil, "remove the header `NAME`; may be repeated")
	flags.BoolVar(&f.dryRun, "dry-run", false, "show the difference and change nothing")
	c.completeConsumer(command)
	return command
}

func (c *cli) editLetter(ctx context.Context, l backend.Letters, p store.Position, files []string, f *letterEditFlags) error {
	letter, err := l.Get(ctx, p)
	if err != nil {
		return err
	}
	change := deadletter.Change{By: f.who(), Why: f.why, Revision: letter.Revision}
	if change.Headers, err = f.newHeaders(letter.Record.Headers); err != nil {
		return err
	}
	if change.Data, err = c.newData(ctx, &letter.Record, files, change.Headers != nil); err != nil {
		return err
	}
	after := letter.Record
	if change.Data != nil {
		after.Data = change.Data
	}
	if change.Headers != nil {
		after.Headers = change.Headers
	}
	if bytes.Equal(after.Data, letter.Record.Data) && maps.Equal(after.Headers, letter.Record.Headers) {
		c.note("nothing changed")
		return nil
	}
	if !c.json {
		out := c.output()
		showLines(out, difference(shown(letter.Record.Data, letter.Record.Headers), shown(after.Data, after.Headers)))
		if err := out.Flush(); err != nil {
			return err
		}
	}
	if f.dryRun {
		return nil
	}
	edited, err := l.Edit(ctx, p, change)
	if err != nil {
		return err
	}
	if c.json {
		return json.NewEncoder(c.out).Encode(edited)
	}
	c.note(fmt.Sprintf("the letter at position %d is changed; 'oxbow deadletters redrive' lets the consumer try it", p))
	return nil
}

// newHeaders returns the headers after the flags, nil when there are none.
func (f *letterEditFlags) newHeaders(was map[string]string) (map[string]string, error) {
	if len(f.headers) == 0 && len(f.remove) == 0 {
		return nil, nil
	}
	headers := maps.Clone(was)
	if headers == nil {
		headers = map[string]string{}
	}
	for _, name := range f.remove {
		if _, ok := headers[name]; !ok {
			return nil, wrongFlag("remove-header", "the letter has no header %q", name)
		}
		delete(headers, name)
	}
	for _, header := range f.headers {
		name, value, ok := strings.Cut(header, "=")
		if !ok || name == "" {
			return nil, wrongFlag("header", "%q is not NAME=VALUE", header)
		}
		headers[name] = value
	}
	return headers, nil
}

// newData returns what the file or the editor has, nil when nobody wants other data.
func (c *cli) newData(ctx context.Context, r *event.Record, files []string, headersOnly bool) ([]byte, error) {
	if len(files) > 0 {
		data, err := readFileOrStdin(files[0], interruptible{ctx, c.in}, store.MaxData)
		return trimmed(r, data), err
	}
	if headersOnly {
		return nil, nil
	}
	offered := r.Data
	if event.IsJSON(r.ContentType) {
		offered = append(pretty(r.Data), '\n')
	}
	data, err := c.openEditor(ctx, offered)
	if err != nil || bytes.Equal(data, offered) {
		return nil, err
	}
	return asItWas(r, trimmed(r, data)), nil
}

// trimmed is JSON without white space around it: editors end a file with a line break.
func trimmed(r *event.Record, data []byte) []byte {
	if event.IsJSON(r.ContentType) {
		return bytes.TrimSpace(data)
	}
	return data
}

// asItWas returns JSON in one line when the record's was.
func asItWas(r *event.Record, data []byte) []byte {
	if !event.IsJSON(r.ContentType) || bytes.ContainsRune(r.Data, '\n') {
		return data
	}
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return data // and Edit says why not
	}
	return b.Bytes()
}

// openEditor lets the user edit a text and returns what it then is.
func (c *cli) openEditor(ctx context.Context, text []byte) (edited []byte, err error) {
	editor := os.Getenv("VISUAL")
	if editor == "" {
		editor = os.Getenv("EDITOR")
	}
	if editor == "" {
		return nil, usage("FILE", "is missing, and neither VISUAL nor EDITOR names an editor")
	}
	folder, err := os.MkdirTemp("", "oxbow-edit-*") // for us alone
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	name := folder + string(os.PathSeparator) + "letter.json"
	if err := os.WriteFile(name, text, 0o600); err != nil {
		return nil, err
	}
	words := strings.Fields(editor)
	command := exec.CommandContext(ctx, words[0], append(words[1:], name)...)
	command.Stdin, command.Stdout, command.Stderr = c.in, c.out, c.err
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("editor %s: %w; nothing was changed", words[0], err)
	}
	return readFileOrStdin(name, nil, store.MaxData)
}

// shown is a letter's changeable part as text, to be compared.
func shown(data []byte, headers map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		fmt.Fprintf(&b, "%s: %s\n", name, headers[name])
	}
	if data != nil {
		b.Write(pretty(data))
		b.WriteByte('\n')
	}
	return b.String()
}

// difference returns what changed between two texts, as diff -u does without its head.
func difference(before, after string) string {
	text := string(diff.Diff("before", []byte(before), "after", []byte(after)))
	if _, rest, ok := strings.Cut(text, "+++ after\n"); ok {
		return rest
	}
	return "(only white space, or bytes that are no text)\n"
}
