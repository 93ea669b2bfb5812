package peers

import (
	"context"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/oxbow-events/oxbow/event"
)

var pebblePeer = Peer{
	Name: "Pebble", Open: openPebble,
	Does: "a batch of 5 keys an event (record, stream, type, tag, correlation); commits share syncs of its WAL",
}

// pebbleLog applies batches in order under a lock and waits for their sync outside of it, so that Pebble's own pipeline syncs for
// all that wait. Its memory is that of a server: 64 MiB of memtable, 64 MiB of cache.
type pebbleLog struct {
	pebbleReader
	options *pebble.WriteOptions

	mu      sync.Mutex
	heads   heads
	last    uint64 // position
	scratch []byte
}

type noLog struct{}

func (noLog) Infof(string, ...any)  {}
func (noLog) Errorf(string, ...any) {}
func (noLog) Fatalf(format string, args ...any) {
	pebble.DefaultLogger.Fatalf(format, args...)
}

func openPebble(dir string, sync bool) (Log, error) {
	if sync {
		return openPebbleOn(vfs.Default, dir, pebble.Sync)
	}
	return openPebbleOn(handOver{vfs.Default}, dir, pebble.Sync)
}

// OpenPebbleNoSync opens Pebble so that it acknowledges what it has in memory.
func OpenPebbleNoSync(dir string) (Log, error) { return openPebbleOn(vfs.Default, dir, pebble.NoSync) }

func openPebbleOn(fs vfs.FS, dir string, options *pebble.WriteOptions) (Log, error) {
	db, err := pebble.Open(dir, &pebble.Options{
		FS:                 fs,
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       64 << 20,
		CacheSize:          64 << 20,
		Logger:             noLog{},
	})
	if err != nil {
		return nil, err
	}
	p := &pebbleLog{pebbleReader: pebbleReader{db}, options: options}
	p.heads = newHeads(func(stream string) (uint64, error) { return p.newest(streamKey(stream, 0)) })
	if p.last, err = p.newest(numbered("r", 0)); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *pebbleLog) Append(_ context.Context, stream string, head uint64, events []event.Record) (uint64, error) {
	batch := p.db.NewBatch()
	defer batch.Close()
	if err := p.apply(batch, stream, head, events); err != nil {
		return 0, err
	}
	head += uint64(len(events))
	if !p.options.Sync {
		return head, nil
	}
	return head, batch.SyncWait()
}

func (p *pebbleLog) apply(batch *pebble.Batch, stream string, head uint64, events []event.Record) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.heads.check(stream, head); err != nil {
		return err
	}
	put := func(key, value []byte) error { return batch.Set(key, value, nil) }
	for i := range events {
		r := &events[i]
		r.Position, r.Revision = event.Position(p.last+1+uint64(i)), head+1+uint64(i)
		if p.scratch, err = putEvent(r, p.scratch, put); err != nil {
			return err
		}
	}
	if p.options.Sync {
		err = p.db.ApplyNoSyncWait(batch, p.options)
	} else {
		err = p.db.Apply(batch, p.options)
	}
	if err != nil {
		return err
	}
	p.last += uint64(len(events))
	p.heads.known[stream] = head + uint64(len(events))
	return nil
}
