package main

import (
	"io"

	"github.com/spf13/pflag"

	"github.com/oxbow-events/oxbow/event/ndjson"
)

// mappingFlags say how fields of a line become an event. Each but the payload takes templates.
type mappingFlags struct {
	types, topics, streams, ids, times, sources, subjects, users, tags []string
	payload                                                            string
}

// templates lists the flags of templates.
func (f *mappingFlags) templates() []templateFlag {
	return []templateFlag{
		{"type", &f.types, "ndjson: `TEMPLATE` of the event type, as in 'order.{kind}'"},
		{"stream", &f.streams, "ndjson: `TEMPLATE` of the stream, as in 'order-{order.id}' (default: the type)"},
		{"topic", &f.topics, "ndjson: `TEMPLATE` of the routing key (default: the type)"},
		{"event-id", &f.ids, "ndjson: `TEMPLATE` of the event's id (default: made from the line)"},
		{"time", &f.times, "ndjson: `TEMPLATE` of when it happened: RFC 3339 or seconds since 1970 (default: now)"},
		{"source", &f.sources, "ndjson: `TEMPLATE` of who published it"},
		{"subject", &f.subjects, "ndjson: `TEMPLATE` of what it is about"},
		{"user", &f.users, "ndjson: `TEMPLATE` of who caused it"},
		{"tag", &f.tags, "ndjson: `TEMPLATE` of a tag, as in 'customer:{customer.id}'; each that fits is set"},
	}
}

type templateFlag struct {
	name  string
	texts *[]string
	usage string
}

func (f *mappingFlags) bind(flags *pflag.FlagSet) {
	for _, t := range f.templates() {
		flags.StringArrayVar(t.texts, t.name, nil, t.usage)
	}
	flags.StringVar(&f.payload, "payload", "", "ndjson: the `PATH` of the data, as in order.data (default: the whole line)")
}

// lineFormat makes a reader of events from lines.
type lineFormat func(io.Reader) (*ndjson.Reader, error)

// lineLimit lets through the longest line that export writes: the largest data in base64, and its metadata.
const lineLimit = 32 << 20

func (f *importFlags) lineFormat() (lineFormat, error) {
	cfg := ndjson.Config{MaxLine: lineLimit}
	if f.format != "ndjson" {
		if name := f.used(); name != "" {
			return nil, wrongFlag(name, "is for --format ndjson; %s says by itself what becomes what", f.format)
		}
	}
	switch f.format {
	case "cloudevents":
		return func(in io.Reader) (*ndjson.Reader, error) { return ndjson.NewCloudEventsReader(in, cfg) }, nil
	case "github":
		return func(in io.Reader) (*ndjson.Reader, error) { return ndjson.NewReader(in, ndjson.GitHub(), cfg) }, nil
	case "ndjson":
		if len(f.types) == 0 {
			return nil, wrongFlag("type", "is missing: what is the event's type, as in --type 'order.{kind}'?")
		}
		return func(in io.Reader) (*ndjson.Reader, error) { return ndjson.NewReader(in, f.mapping(), cfg) }, nil
	}
	return nil, wrongFlag("format", "%q is none of cloudevents, github, ndjson", f.format)
}

// used returns a flag of the mapping that was set, "" if none was.
func (f *mappingFlags) used() string {
	for _, t := range f.templates() {
		if len(*t.texts) > 0 {
			return t.name
		}
	}
	if f.payload != "" {
		return "payload"
	}
	return ""
}

func (f *mappingFlags) mapping() ndjson.Mapping {
	return ndjson.Mapping{
		Type: f.types, Topic: f.topics, Stream: f.streams, ID: f.ids, Time: f.times, Source: f.sources, Subject: f.subjects,
		UserID: f.users, Tags: f.tags, Data: f.payload,
	}
}
