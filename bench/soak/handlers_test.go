//go:build unix

package soak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/task"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
)

// happened is the event of the history.
type happened struct{ Number int }

func (happened) EventType() string { return "soak.happened" }

// derived is what the consumer "derive" makes of each.
type derived struct{ Number int }

func (derived) EventType() string { return "soak.derived" }

// tally is what a read model knows of a stream: how many events, and which in which order.
type tally struct {
	Events int
	Chain  uint64
}

func (t *tally) add(id event.ID) {
	h := fnv.New64a()
	fmt.Fprint(h, t.Chain, id)
	t.Events++
	t.Chain = h.Sum64()
}

// The four who consume.
const (
	counts = iota
	derive
	batches
	totals
	consumers
)

var names = [consumers]string{counts: "counts", derive: "derive", batches: "batches", totals: "totals"}

// troubles are what goes wrong in handlers.
type troubles interface {
	// called is told of each call of a handler for so many events, and returns the error that it is to end with.
	called(who, events int, number int) error
}

var errTrouble = errors.New("trouble")

// poisoned reports whether nobody can handle an event until the code is mended.
func poisoned(number int) bool { return number%4999 == 4 }

// workers returns what runs the four over a store.
func workers(st *store.Store, t troubles) ([]interface{ Run(context.Context) error }, error) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	const lease = 2000 * time.Millisecond
	cfg := consumer.Config{
		Slots: 12, Workers: 32, Logger: quiet, Lease: lease,
		Retry:       consumer.Retry{Attempts: 4, First: time.Millisecond, Limit: 20 * time.Millisecond},
		DeadLetters: 1 << 30, // a third of a large history waits behind what cannot be handled yet
	}
	counting, err1 := consumer.New(st, names[counts], cfg, consumer.On(func(ctx context.Context, e event.Event[happened]) error {
		if err := t.called(counts, 1, e.Data.Number); err != nil {
			return err
		}
		return put(ctx, names[counts], e)
	}))
	deriving, err2 := consumer.New(st, names[derive], cfg, consumer.On(func(ctx context.Context, e event.Event[happened]) error {
		if err := consumer.Transaction(ctx).Append(derived(e.Data), event.WithStream("derived-"+e.Stream)); err != nil {
			return err
		}
		return t.called(derive, 1, e.Data.Number)
	}))
	batching, err3 := consumer.New(st, names[batches], cfg, consumer.OnBatch(func(ctx context.Context, es []event.Event[happened]) error {
		for _, e := range es {
			if err := put(ctx, names[batches], e); err != nil {
				return err
			}
		}
		return t.called(batches, len(es), es[0].Data.Number)
	}))
	patient := consumer.Retry{Attempts: 1000, First: time.Millisecond, Limit: 20 * time.Millisecond}
	totalling, err4 := projection.New[tally](st, names[totals], projection.Config{Logger: quiet, Retry: patient, Lease: lease, Batch: 500})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	projection.On(totalling, func(ctx context.Context, docs *projection.Docs[tally], e event.Event[happened]) error {
		if err := docs.Update(ctx, e.Stream, func(doc *tally) { doc.add(e.ID) }); err != nil {
			return err
		}
		return t.called(totals, 1, e.Data.Number)
	})
	return []interface{ Run(context.Context) error }{counting, deriving, batching, totalling}, nil
}

// put counts an event in the transaction of its handler: every eighth of a stream, since reading the item over the wire takes longer than
// all else.
func put(ctx context.Context, bucket string, e event.Event[happened]) error {
	if e.Revision%8 != 1 {
		return nil
	}
	tx := consumer.Transaction(ctx)
	item, err := tx.Get(ctx, bucket, e.Stream)
	if err != nil {
		return err
	}
	var doc tally
	if item.Value != nil {
		if err := json.Unmarshal(item.Value, &doc); err != nil {
			return err
		}
	}
	doc.add(e.ID)
	value, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	return tx.Put(bucket, e.Stream, value)
}

// run runs the four until ctx ends or one fails.
func run(ctx context.Context, st *store.Store, t troubles) error {
	all, err := workers(st, t)
	if err != nil {
		return err
	}
	work, inner := task.New(ctx)
	for _, w := range all {
		work.Go(func() error { return w.Run(inner) })
	}
	return work.Wait()
}

// calm has no troubles.
type calm struct{}

func (calm) called(int, int, int) error { return nil }

// history returns the events, the same ones each time.
func history(n int) []event.Record {
	streams := max(n/1000, 50)
	random := rand.New(rand.NewPCG(uint64(n), 7))
	records := make([]event.Record, n)
	for i := range records {
		data, _ := json.Marshal(happened{i})
		r := event.Record{Data: data}
		r.ID, r.Type, r.Version = event.ID{}.Derive(fmt.Sprint("soak ", i)), happened{}.EventType(), 1
		r.Stream = fmt.Sprintf("thing-%05d", random.IntN(streams))
		r.Time = time.Unix(1_800_000_000, int64(i)).UTC()
		r.ContentType = "application/json"
		records[i] = r
	}
	return records
}

// write appends the history.
func write(ctx context.Context, st *store.Store, records []event.Record) error {
	for len(records) > 0 {
		n := min(len(records), 5000)
		if _, err := st.Commit(ctx, store.Commit{Events: records[:n]}); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}
