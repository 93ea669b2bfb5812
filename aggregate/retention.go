package aggregate

import (
	"context"

	"github.com/oxbow-events/oxbow/store"
)

// retention is what a stream keeps, read before its events.
type retention struct {
	stream string
	meta   store.StreamMeta
	at     uint64 // the revision of the metadata
	newest uint64 // the revision of the stream, when its newest events may be gone; else 0
}

// retentionOf returns what there is to know of a stream before its events are read.
func (r *Repository[S, C]) retentionOf(ctx context.Context, stream string) (m retention, err error) {
	m.stream = stream
	if m.meta, m.at, err = r.store.StreamMeta(ctx, stream); err != nil {
		return m, err
	}
	if m.meta.MaxAge > 0 || m.meta.Before > 0 {
		m.newest, err = r.store.StreamRevision(ctx, stream)
	}
	return m, err
}

// forgets reports whether events may be gone though the stream was not deleted after them.
func (m retention) forgets() bool {
	return m.meta.MaxAge > 0 || m.meta.MaxCount > 0 || m.meta.Before > 0
}

// changed reports whether the stream's metadata are others by now. When that cannot be told, the caller's own error tells more.
func (r *Repository[S, C]) changed(ctx context.Context, m retention) bool {
	_, at, err := r.store.StreamMeta(ctx, m.stream)
	return err == nil && at != m.at
}
