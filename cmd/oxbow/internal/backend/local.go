package backend

import (
	"context"
	"iter"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Local is a store that this process holds open.
type Local struct{ Store *store.Store }

// Commit writes all or nothing.
func (l Local) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	return l.Store.Commit(ctx, c)
}

// Read yields what matches now.
func (l Local) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return l.Store.Read(ctx, q)
}

// Head returns the newest position, 0 when there is none.
func (l Local) Head(ctx context.Context) (store.Position, error) { return l.Store.Head(ctx) }

// Streams yields the streams whose name begins with prefix, in order of name.
func (l Local) Streams(ctx context.Context, prefix string) iter.Seq2[store.StreamInfo, error] {
	lister, ok := l.Store.Streams()
	if !ok {
		return func(yield func(store.StreamInfo, error) bool) {
			yield(store.StreamInfo{}, event.Invalid("data", "its driver cannot list streams"))
		}
	}
	return lister.Streams(ctx, prefix)
}

// Stats counts what the store holds.
func (l Local) Stats(ctx context.Context) (store.Stats, error) {
	counter, ok := l.Store.Statistics()
	if !ok {
		return store.Stats{}, event.Invalid("data", "its driver cannot count")
	}
	return counter.Stats(ctx)
}

// Close closes the store.
func (l Local) Close() error { return l.Store.Close() }
