package main

import (
	"context"
	"log/slog"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
)

// tally is a document: what the orders of a stream come to.
type tally struct {
	Orders int    `json:"orders"`
	Cents  int64  `json:"cents"`
	Last   string `json:"last"`
}

// prepareRebuild measures a rebuild of a read model with a document for each stream.
func prepareRebuild(ctx context.Context, e *env) ([]contender, error) {
	n := e.n(200_000, 300)
	st, data, err := filledStore(ctx, e, n)
	if err != nil {
		return nil, err
	}
	p, err := projection.New[tally](st, "bench", projection.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	projection.On(p, func(ctx context.Context, docs *projection.Docs[tally], o event.Event[order]) error {
		return docs.Update(ctx, o.Stream, func(t *tally) {
			t.Orders++
			t.Cents += o.Data.Cents
			t.Last = o.Data.Order
		})
	})
	return []contender{
		{name: oxbowName, side: all(n, func(ctx context.Context) error { return p.Rebuild(ctx, nil) })},
		{name: decoderName, does: "the same events decoded and nothing else", side: all(n, func(context.Context) error { return decodeAll(data) })},
	}, nil
}
