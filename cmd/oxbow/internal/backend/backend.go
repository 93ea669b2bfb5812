// Package backend is what the commands work on: a folder that this process opens, or a server elsewhere.
//
// Guarantees:
//
//   - Both ways refuse the same input with the same sentinels: event.ErrInvalid, store.ErrConflict, store.ErrTombstone, and so on.
//   - A server may be slow, wrong or hostile: connecting and waiting for an answer have deadlines, answers have size limits, and
//     what a server says is shown as its words.
//   - Follow on a server resumes after a broken connection, without gap or duplicate.
package backend

import (
	"context"
	"errors"
	"iter"

	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Backend is a store, near or far. Close it at the end.
type Backend interface {
	// Commit writes all or nothing.
	Commit(ctx context.Context, c store.Commit) (store.Receipt, error)
	// Read yields what matches now.
	Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error]
	// Streams yields the streams whose name begins with prefix, in order of name.
	Streams(ctx context.Context, prefix string) iter.Seq2[store.StreamInfo, error]
	Stats(ctx context.Context) (store.Stats, error)
	// Head returns the newest position, 0 when there is none.
	Head(ctx context.Context) (store.Position, error)
	// Consumers yields the consumers that ever had dead letters, in order of name. One whose count is damaged comes with an error that
	// answers to store.ErrDamaged, and the iteration goes on.
	Consumers(ctx context.Context) iter.Seq2[deadletter.Consumer, error]
	// Letters returns the dead letters of a consumer.
	Letters(consumer string) (Letters, error)
	Close() error
}

// Follower is a backend to which others can add while it is read.
type Follower interface {
	// Follow yields what matches, oldest first, then goes on as events arrive, until ctx ends.
	Follow(ctx context.Context, q store.Query) iter.Seq2[event.Record, error]
}

// ErrUnreachable is the error of a server that did not answer.
var ErrUnreachable = errors.New("no answer from the server")
