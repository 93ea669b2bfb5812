package main

import (
	"context"
	"io"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/ndjson"
	"github.com/oxbow-events/oxbow/store"
)

// importDeliveries stores webhook deliveries, one a line. Those that are there already, from an earlier run, are not stored again:
// the same line has the same id each time.
func importDeliveries(ctx context.Context, app *oxbow.App, in io.Reader) (imported, present int, err error) {
	lines, err := ndjson.NewReader(in, ndjson.GitHub(), ndjson.Config{})
	if err != nil {
		return 0, 0, err
	}
	for record, err := range lines.All() {
		if err != nil {
			return imported, present, err
		}
		receipt, err := app.Commit(ctx, store.Commit{Events: []event.Record{record}})
		if err != nil {
			return imported, present, err
		}
		if receipt.Repeated {
			present++
			continue
		}
		imported++
	}
	return imported, present, nil
}
