package peers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/oxbow-events/oxbow/event"
)

var plainPebblePeer = Peer{
	Name: "Pebble, plain", Open: openPlainPebble, Variant: pebblePeer.Name,
	Does: "default options; Get of a key with the stream's revision, then batch.Commit(pebble.Sync), under a lock of the stream",
}

// plainPebble is what Pebble's documentation leads to: its default options, and for each append one batch that is committed with
// pebble.Sync. A stream's revision is a key as any other, read before and written with the events. Appends to one stream wait for
// each other; those to different ones run side by side, and Pebble shares syncs among them.
//
// It does less than the others in one thing: positions are handed out before the commits, so a reader may see one before those in
// front of it, and a crash may leave a gap.
type plainPebble struct {
	pebbleReader
	last  atomic.Uint64 // position
	seed  maphash.Seed
	locks [1024]sync.Mutex // a stream has the one of its hash
}

func openPlainPebble(dir string, sync bool) (Log, error) {
	options := &pebble.Options{Logger: noLog{}}
	if !sync {
		options.FS = handOver{vfs.Default}
	}
	db, err := pebble.Open(dir, options)
	if err != nil {
		return nil, err
	}
	p := &plainPebble{pebbleReader: pebbleReader{db}, seed: maphash.MakeSeed()}
	last, err := p.newest(numbered("r", 0))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	p.last.Store(last)
	return p, nil
}

func (p *plainPebble) Append(_ context.Context, stream string, head uint64, events []event.Record) (uint64, error) {
	lock := &p.locks[maphash.String(p.seed, stream)%uint64(len(p.locks))]
	lock.Lock()
	defer lock.Unlock()
	revision, err := p.revision(stream)
	if err != nil {
		return 0, err
	}
	if revision != head {
		return 0, fmt.Errorf("stream %s is at %d, not at %d: %w", stream, revision, head, errHead)
	}
	batch := p.db.NewBatch()
	defer batch.Close()
	put := func(key, value []byte) error { return batch.Set(key, value, nil) }
	position := p.last.Add(uint64(len(events))) - uint64(len(events))
	var scratch []byte
	for i := range events {
		position, revision = position+1, revision+1
		events[i].Position, events[i].Revision = event.Position(position), revision
		if scratch, err = putEvent(&events[i], scratch, put); err != nil {
			return 0, err
		}
	}
	if err := put(revisionKey(stream), binary.BigEndian.AppendUint64(nil, revision)); err != nil {
		return 0, err
	}
	return revision, batch.Commit(pebble.Sync)
}

func revisionKey(stream string) []byte { return []byte("h" + stream) }

// revision returns the stream's, 0 when there is none.
func (p *plainPebble) revision(stream string) (uint64, error) {
	value, closer, err := p.db.Get(revisionKey(stream))
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(value), closer.Close()
}
