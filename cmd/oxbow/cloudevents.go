package main

import (
	"bytes"
	"context"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/store"
)

// encodeCloudEvent returns the event as a CloudEvent on one line.
func encodeCloudEvent(r event.Record) ([]byte, error) { return cloudevents.AppendLine(nil, &r) }

// decodeCloudEvents reads one CloudEvent or an array of them.
func decodeCloudEvents(ctx context.Context, text []byte) (records []event.Record, err error) {
	if bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("[")) {
		records, err = cloudevents.UnmarshalBatch(text, store.MaxEvents)
	} else {
		records = make([]event.Record, 1)
		records[0], err = cloudevents.Unmarshal(text)
	}
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, event.Invalid("batch", "has no events")
	}
	for i := range records {
		if records[i], err = settle(ctx, &records[i]); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// settle fills in what a received event does not say, such as its stream, and forgets where it stood in another store.
func settle(ctx context.Context, r *event.Record) (event.Record, error) {
	e, err := event.New(ctx, event.Event[any]{Metadata: r.Metadata, Place: event.Place{Stream: r.Stream}})
	return event.Record{Metadata: e.Metadata, Place: e.Place, Data: r.Data}, err
}
