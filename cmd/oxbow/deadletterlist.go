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
	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/store"
)

func (c *cli) lettersListCommand() *cobra.Command {
	var f letterFlags
	limit := 0
	command := &cobra.Command{
		Use:   "list [CONSUMER]",
		Short: "List dead letters, or the consumers that have some",
		Long: `Lists the dead letters of a consumer in order of position, or without CONSUMER the consumers that ever had some. A letter that is
failed spent its attempts; one that is waiting was not tried, since an earlier one of its key is there.`,
		Example: `  oxbow deadletters list
  oxbow deadletters list billing --error timeout --since 24h
  oxbow deadletters list billing --json | jq .position`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if limit < 0 {
				return wrongFlag("limit", "is %d", limit)
			}
			filter, err := f.filter(nil)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return c.listConsumers(command.Context())
			}
			return c.withLetters(command.Context(), args[0], func(l backend.Letters) error {
				return c.listLetters(command.Context(), l, filter, limit)
			})
		},
	}
	f.bind(c, command)
	command.Flags().IntVar(&limit, "limit", 0, "at most so many; 0 is all")
	c.completeConsumer(command)
	return command
}

func (c *cli) listConsumers(ctx context.Context) error {
	b, err := c.open(ctx, toRead)
	if err != nil {
		return err
	}
	defer b.Close()
	out := c.output()
	table := out.Table(
		screen.Column{Title: "CONSUMER", Colour: screen.Cyan},
		screen.Column{Title: "LETTERS", Right: true},
		screen.Column{Title: "FAILED", Right: true},
		screen.Column{Title: "SIZE", Right: true},
	)
	shown := 0
	var damaged error
	for consumer, err := range b.Consumers(ctx) {
		switch {
		case errors.Is(err, store.ErrDamaged):
			damaged = errors.Join(damaged, err)
			continue
		case err != nil:
			return fmt.Errorf("list consumers: %w", err)
		case c.json:
			err = json.NewEncoder(out).Encode(consumer)
		default:
			err = table.Row(consumer.Name, strconv.FormatUint(consumer.Letters, 10), strconv.FormatUint(consumer.Failed, 10), screen.Size(consumer.Bytes))
		}
		if err != nil {
			return err
		}
		shown++
	}
	if shown == 0 {
		c.note("no consumer ever had dead letters")
	}
	return errors.Join(table.Flush(), out.Flush(), damaged)
}

func (c *cli) listLetters(ctx context.Context, l backend.Letters, f deadletter.Filter, limit int) error {
	show, flush := c.letterPrinter()
	shown := 0
	var damaged error
	err := eachPage(ctx, l, f, limit, func(page deadletter.Page) error {
		for _, letter := range page.Letters {
			if err := show(letter); err != nil {
				return err
			}
		}
		shown += len(page.Letters)
		for _, d := range page.Damaged {
			damaged = errors.Join(damaged, d)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if shown == 0 && damaged == nil {
		c.note("no dead letters")
	}
	return errors.Join(flush(), damaged)
}

// eachPage hands over what matches page by page: at most limit letters, 0 is all.
func eachPage(ctx context.Context, l backend.Letters, f deadletter.Filter, limit int, do func(deadletter.Page) error) error {
	for cursor, left := store.Position(0), limit; ; {
		size := deadletter.MaxPage
		if limit > 0 {
			size = min(size, left)
		}
		page, err := l.List(ctx, f, size, cursor)
		if err != nil {
			return fmt.Errorf("list dead letters: %w", err)
		}
		if err := do(page); err != nil {
			return err
		}
		left -= len(page.Letters) + len(page.Damaged)
		if cursor = page.Next; cursor == 0 || limit > 0 && left <= 0 {
			return nil
		}
	}
}

func (c *cli) letterPrinter() (show func(deadletter.Letter) error, flush func() error) {
	out := c.output()
	if c.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		return func(l deadletter.Letter) error { return enc.Encode(l) }, out.Flush
	}
	table := out.Table(
		screen.Column{Title: "POSITION", Right: true},
		screen.Column{Title: "PARKED", Colour: screen.Dim},
		screen.Column{Title: "STATE"},
		screen.Column{Title: "TYPE", Colour: screen.Cyan},
		screen.Column{Title: "KEY"},
		screen.Column{Title: "TRIES", Right: true},
		screen.Column{Title: "ERROR"},
	)
	return func(l deadletter.Letter) error {
		return table.Row(position(l.Record.Position), l.First.UTC().Format(timeLayout), string(l.State), l.Record.Type, l.Key,
			strconv.Itoa(l.Attempts), l.Error)
	}, table.Flush
}
