package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// filterFlags choose events.
type filterFlags struct {
	stream      string
	prefix      string
	types       []string
	tags        []string
	correlation string
	id          string
	after       uint64
	before      uint64
	limit       int
	backward    bool
}

// bind adds the flags that say which events.
func (f *filterFlags) bind(c *cli, command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&f.stream, "stream", "", "only this stream")
	flags.StringVar(&f.prefix, "prefix", "", "only streams whose name begins so, as in order-")
	flags.Var((*commaList)(&f.types), "type", "only this type; repeat, or separate by commas, for any of several")
	flags.Var((*commaList)(&f.tags), "tag", "only with this tag; repeat for all of several")
	flags.StringVar(&f.correlation, "correlation", "", "only what one first event caused: its correlation id")
	flags.StringVar(&f.id, "id", "", "only the event with this id")
	command.MarkFlagsMutuallyExclusive("stream", "prefix")
	c.completeNames(command, "stream", "type")
}

// bindRange adds the flags that say from where to where.
func (f *filterFlags) bindRange(command *cobra.Command) {
	flags := command.Flags()
	flags.Uint64Var(&f.after, "after", 0, "only after this position")
	flags.Uint64Var(&f.before, "before", 0, "only before this position")
	flags.IntVar(&f.limit, "limit", 0, "at most so many; 0 is all")
}

// query returns what the flags ask for.
func (f *filterFlags) query() (store.Query, error) {
	q := store.Query{
		After: store.Position(f.after), Before: store.Position(f.before), Limit: f.limit, Backward: f.backward,
	}
	filter := store.Filter{Stream: f.stream, StreamPrefix: f.prefix, Types: f.types, Tags: f.tags}
	var err error
	if filter.Correlation, err = event.ParseID(f.correlation); err != nil {
		return store.Query{}, wrongFlag("correlation", "%v", err)
	}
	if filter.ID, err = event.ParseID(f.id); err != nil {
		return store.Query{}, wrongFlag("id", "%v", err)
	}
	if f.narrow() {
		q.Any = []store.Filter{filter}
	}
	return q, asFlag(q.Check())
}

// asFlag turns the refusal of a query into that of a flag: any[0].types[0] is --type to whoever typed it.
func asFlag(err error) error {
	var invalid *event.InvalidError
	if !errors.As(err, &invalid) {
		return err
	}
	field := strings.TrimPrefix(invalid.Field, "any[0].")
	field, _, _ = strings.Cut(field, "[")
	flags := map[string]string{"types": "type", "tags": "tag", "stream prefix": "prefix"}
	if name, ok := flags[field]; ok {
		field = name
	}
	return event.Invalid("--"+field, "%s", invalid.Reason)
}

// narrow reports whether any flag leaves events out.
func (f *filterFlags) narrow() bool {
	return f.stream != "" || f.prefix != "" || len(f.types) > 0 || len(f.tags) > 0 || f.correlation != "" || f.id != ""
}
