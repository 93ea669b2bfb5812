package peers

import (
	"bytes"
	"context"
	"math"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/oxbow-events/oxbow/event"
)

var bboltPeer = Peer{
	Name: "bbolt", Open: openBbolt,
	Does: "5 keys an event in a B+tree (record, stream, type, tag, correlation); commits that wait share a transaction",
}

// bboltLog keeps each kind of key in a bucket of its own; pages of records, which only grow at the end, are filled to the brim. The
// list of free pages is a map and is not written with each transaction.
type bboltLog struct {
	db    *bbolt.DB
	group *group
	heads heads  // used by transact alone
	last  uint64 // position; used by transact alone
}

var buckets = [...]string{"r", "s", "y", "t", "c"}

func openBbolt(dir string, sync bool) (Log, error) {
	db, err := bbolt.Open(filepath.Join(dir, "bbolt"), 0o600, &bbolt.Options{
		NoSync: !sync, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return nil, err
	}
	l := &bboltLog{db: db}
	l.heads = newHeads(l.head)
	if err := db.Update(l.prepare); err != nil {
		return nil, err
	}
	l.group = newGroup(l.transact)
	return l, nil
}

func (l *bboltLog) prepare(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	if key, _ := tx.Bucket([]byte("r")).Cursor().Last(); key != nil {
		l.last = number(key)
	}
	return nil
}

func (l *bboltLog) head(stream string) (head uint64, err error) {
	err = l.db.View(func(tx *bbolt.Tx) error {
		c := tx.Bucket([]byte("s")).Cursor()
		key, _ := c.Seek(streamKey(stream, math.MaxUint64)[1:])
		if key == nil {
			key, _ = c.Last()
		} else {
			key, _ = c.Prev()
		}
		if bytes.HasPrefix(key, append([]byte(stream), 0)) {
			head = number(key)
		}
		return nil
	})
	return head, err
}

func (l *bboltLog) Append(ctx context.Context, stream string, head uint64, events []event.Record) (uint64, error) {
	return l.group.append(ctx, stream, head, events)
}

func (l *bboltLog) transact(batch []*pending) error {
	return l.db.Update(func(tx *bbolt.Tx) error {
		tx.Bucket([]byte("r")).FillPercent = 1
		var scratch []byte
		put := func(key, value []byte) error {
			// bbolt keeps the value until the transaction ends.
			return tx.Bucket(key[:1]).Put(key[1:], bytes.Clone(value))
		}
		for _, p := range batch {
			if p.err = l.heads.check(p.stream, p.head); p.err != nil {
				continue
			}
			for i := range p.events {
				r := &p.events[i]
				l.last++
				r.Position, r.Revision = event.Position(l.last), p.head+1+uint64(i)
				var err error
				if scratch, err = putEvent(r, scratch, put); err != nil {
					return err
				}
			}
			l.heads.known[p.stream] = p.head + uint64(len(p.events))
		}
		return nil
	})
}

func (l *bboltLog) Replay(_ context.Context, fn func(*event.Record)) error {
	return l.db.View(func(tx *bbolt.Tx) error {
		var d recordReader
		return tx.Bucket([]byte("r")).ForEach(func(key, value []byte) error {
			r, err := d.read(value, number(key))
			if err == nil {
				fn(r)
			}
			return err
		})
	})
}

func (l *bboltLog) Stream(_ context.Context, stream string, fn func(*event.Record)) error {
	return l.db.View(func(tx *bbolt.Tx) error {
		var d recordReader
		records, c := tx.Bucket([]byte("r")), tx.Bucket([]byte("s")).Cursor()
		prefix := append([]byte(stream), 0)
		for key, position := c.Seek(prefix); bytes.HasPrefix(key, prefix); key, position = c.Next() {
			r, err := d.read(records.Get(position), number(position))
			if err != nil {
				return err
			}
			fn(r)
		}
		return nil
	})
}

func (l *bboltLog) Close() error {
	l.group.close()
	return l.db.Close()
}
