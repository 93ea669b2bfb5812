package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/deadletter"
)

func (c *cli) lettersJournalCommand() *cobra.Command {
	limit := 0
	command := &cobra.Command{
		Use:   "journal CONSUMER",
		Short: "Show who edited, redrove and discarded dead letters, newest first",
		Example: `  oxbow deadletters journal billing --limit 20
  oxbow deadletters journal billing --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if limit < 0 {
				return wrongFlag("limit", "is %d", limit)
			}
			return c.withLetters(command.Context(), args[0], func(l backend.Letters) error {
				return c.showJournal(command.Context(), l, limit)
			})
		},
	}
	command.Flags().IntVar(&limit, "limit", 0, "at most so many; 0 is all")
	c.completeConsumer(command)
	return command
}

func (c *cli) showJournal(ctx context.Context, l backend.Letters, limit int) error {
	show, flush := c.journalPrinter()
	shown := 0
	for before := uint64(0); ; {
		size := deadletter.MaxPage
		if limit > 0 {
			size = min(size, limit-shown)
		}
		page, err := l.Journal(ctx, before, size)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		for _, e := range page.Entries {
			if err := show(e); err != nil {
				return err
			}
		}
		shown += len(page.Entries)
		if before = page.Next; before == 0 || limit > 0 && shown >= limit {
			break
		}
	}
	if shown == 0 {
		c.note("nobody did anything yet")
	}
	return flush()
}

func (c *cli) journalPrinter() (show func(deadletter.Entry) error, flush func() error) {
	out := c.output()
	if c.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		return func(e deadletter.Entry) error { return enc.Encode(e) }, out.Flush
	}
	table := out.Table(
		screen.Column{Title: "NUMBER", Right: true},
		screen.Column{Title: "TIME", Colour: screen.Dim},
		screen.Column{Title: "BY"},
		screen.Column{Title: "ACTION", Colour: screen.Cyan},
		screen.Column{Title: "LETTERS", Right: true},
		screen.Column{Title: "POSITIONS"},
		screen.Column{Title: "WHY"},
	)
	return func(e deadletter.Entry) error {
		return table.Row(strconv.FormatUint(e.Number, 10), e.At.UTC().Format(timeLayout), e.By, string(e.Action),
			strconv.FormatUint(e.Letters, 10), firstOf(e.Positions), e.Why)
	}, func() error { return errors.Join(table.Flush(), out.Flush()) }
}

// firstOf shows the first few positions.
func firstOf(positions []deadletter.Position) string {
	const few = 5
	var texts []string
	for _, p := range positions[:min(len(positions), few)] {
		texts = append(texts, position(p))
	}
	if len(positions) > few {
		texts = append(texts, "…")
	}
	return strings.Join(texts, " ")
}
