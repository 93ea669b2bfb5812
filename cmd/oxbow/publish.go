package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// publishFlags say what is known about an event beside its data.
type publishFlags struct {
	stream, topic, id, source, subject, user string
	tags, headers                            []string
	time                                     string
	expect                                   string
	cloudEvent                               string
}

func (c *cli) publishCommand() *cobra.Command {
	var f publishFlags
	command := &cobra.Command{
		Use:   "publish TYPE [DATA|-]",
		Short: "Append an event",
		Long: `Appends one event with DATA as its JSON payload (- reads it from standard input) and prints where it stands and how durable it is.
Without --stream it goes to the stream named after its type.

With --expect the event is appended only if the stream is as expected: "none" (it does not exist), "exists", or the number of
events in it. Otherwise nothing is written and the exit code is 3. With --id a repeated publish is recognised and changes nothing.

With --cloudevent the event comes as a CloudEvents 1.0 JSON object from a file (- is standard input); an array of them is
appended together, all or nothing.`,
		Example: `  oxbow publish order.placed '{"order_id":"42","total":1999}' --stream order-42
  oxbow publish order.paid '{"order_id":"42"}' --stream order-42 --expect 1 --tag customer:7
  jq -c .order order.json | oxbow publish order.placed - --stream order-43
  oxbow publish --cloudevent event.json --server http://127.0.0.1:7070`,
		Args: f.checkArgs,
		RunE: func(command *cobra.Command, args []string) error {
			commit, err := f.commit(command.Context(), c.in, args)
			if err != nil {
				return err
			}
			return c.publish(command.Context(), commit)
		},
	}
	f.bind(c, command)
	return command
}

func (f *publishFlags) bind(c *cli, command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.stream, "stream", "", "the stream it goes to (default: its type)")
	flags.StringVar(&f.topic, "topic", "", "the routing key (default: its type)")
	flags.StringVar(&f.id, "id", "", "the event's id (default: a new UUIDv7)")
	flags.StringVar(&f.source, "source", "", "who publishes it: a URI reference")
	flags.StringVar(&f.subject, "subject", "", "what in the source it is about")
	flags.StringVar(&f.user, "user", "", "who caused it")
	flags.StringVar(&f.time, "time", "", "when it happened, as in 2026-03-01T12:00:00Z (default: now)")
	flags.Var((*commaList)(&f.tags), "tag", "a label to find it by; repeat, or separate by commas, for several")
	flags.StringArrayVar(&f.headers, "header", nil, "a free header NAME=VALUE; repeat for several")
	flags.StringVar(&f.expect, "expect", "", "append only if the stream has so many events, or is: none, exists")
	flags.StringVar(&f.cloudEvent, "cloudevent", "", "take the event, or an array of events, from this file of CloudEvents JSON")
	_ = command.RegisterFlagCompletionFunc("expect", cobra.FixedCompletions([]string{"none", "exists"}, cobra.ShellCompDirectiveNoFileComp))
	c.completeNames(command, "stream")
}

func (f *publishFlags) checkArgs(command *cobra.Command, args []string) error {
	for _, other := range []string{"topic", "id", "source", "subject", "user", "time", "tag", "header"} {
		if f.cloudEvent != "" && command.Flags().Changed(other) {
			return fmt.Errorf("with --cloudevent the event says everything itself; leave --%s out", other)
		}
	}
	switch {
	case f.cloudEvent != "" && len(args) > 0:
		return errors.New("with --cloudevent the type and data come from the file; leave the arguments out")
	case f.cloudEvent == "" && len(args) == 0:
		return errors.New("the event's type is missing, as in: oxbow publish order.placed '{}'")
	case len(args) > 2:
		return fmt.Errorf("there are %d arguments; quote the data, as in '{\"total\":1}'", len(args))
	}
	return nil
}

// commit returns what is to be written.
func (f *publishFlags) commit(ctx context.Context, stdin io.Reader, args []string) (commit store.Commit, err error) {
	if f.cloudEvent != "" {
		commit.Events, err = f.readCloudEvents(ctx, stdin)
	} else {
		commit.Events, err = f.makeEvent(ctx, stdin, args)
	}
	if err != nil {
		return store.Commit{}, err
	}
	if f.expect != "" {
		condition, err := expectation(f.expect, commit.Events)
		if err != nil {
			return store.Commit{}, err
		}
		commit.Conditions = []store.Condition{condition}
	}
	return commit, nil
}

func (f *publishFlags) makeEvent(ctx context.Context, stdin io.Reader, args []string) ([]event.Record, error) {
	e := event.From(args[0], nil)
	if len(args) == 2 {
		data, err := payload(stdin, args[1])
		if err != nil {
			return nil, err
		}
		e.Data = data
	}
	if err := f.fill(&e); err != nil {
		return nil, err
	}
	made, err := event.New(ctx, e)
	if err != nil {
		return nil, err
	}
	record, err := new(event.Registry).Encode(made)
	return []event.Record{record}, err
}

func (f *publishFlags) fill(e *event.Event[any]) (err error) {
	e.Stream, e.Topic, e.Source, e.Subject, e.UserID, e.Tags = f.stream, f.topic, f.source, f.subject, f.user, f.tags
	if e.ID, err = event.ParseID(f.id); err != nil {
		return err
	}
	if f.time != "" {
		if e.Time, err = time.Parse(time.RFC3339Nano, f.time); err != nil {
			return wrongFlag("time", "%q is not of the form 2026-03-01T12:00:00Z", f.time)
		}
	}
	if len(f.headers) > 0 {
		e.Headers = map[string]string{}
	}
	for _, header := range f.headers {
		name, value, ok := strings.Cut(header, "=")
		if !ok || name == "" {
			return wrongFlag("header", "%q is not of the form NAME=VALUE", header)
		}
		e.Headers[name] = value
	}
	return nil
}

func (f *publishFlags) readCloudEvents(ctx context.Context, stdin io.Reader) ([]event.Record, error) {
	data, err := readFileOrStdin(f.cloudEvent, stdin, store.MaxCommit)
	if err != nil {
		return nil, err
	}
	records, err := decodeCloudEvents(ctx, data)
	if err != nil || f.stream == "" {
		return records, err
	}
	for i := range records {
		records[i].Stream = f.stream
		if err := event.CheckName("stream", f.stream); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (c *cli) publish(ctx context.Context, commit store.Commit) error {
	b, err := c.open(ctx, toWrite)
	if err != nil {
		return err
	}
	defer b.Close()
	receipt, err := b.Commit(ctx, commit)
	var conflict *store.ConflictError
	var tombstone *store.TombstoneError
	if errors.As(err, &conflict) || errors.As(err, &tombstone) { // a server says the rest itself
		return fmt.Errorf("publish: %w; nothing was written", err)
	}
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return c.printReceipt(commit.Events, receipt)
}
