package oxbowtest

import (
	"context"
	"encoding/json"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Publish makes an event of data, as [event.New] does, notes it, and passes it on if there is a Publisher. It is what a *bus.Bus has.
func (r *Recorder) Publish(ctx context.Context, data any, opts ...event.Option) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e, err := event.New(ctx, data, opts...)
	if err != nil {
		return err
	}
	if err := r.refusal(e); err != nil {
		return err
	}
	r.note("publish", e)
	if r.cfg.Publisher == nil {
		return nil
	}
	return r.cfg.Publisher.Publish(ctx, e)
}

// Deliver notes an event that was made elsewhere. It is a handler for subscriptions and for consumer.OnAny, and what a *bus.Bus has.
func (r *Recorder) Deliver(_ context.Context, e event.Event[any]) error {
	if err := r.refusal(e); err != nil {
		return err
	}
	r.note("deliver", r.decoded(e))
	return nil
}

// Commit has the commit written, and notes it with its events. It is what a *store.Store and an *oxbow.App have. A commit that was
// refused, or that is repeated, is not noted.
func (r *Recorder) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	for i := range c.Events {
		if err := r.refusal(r.decoded(untyped(c.Events[i]))); err != nil {
			return store.Receipt{}, err
		}
	}
	receipt, err := r.cfg.Committer.Commit(ctx, c)
	r.committed("commit", c, receipt, err)
	return receipt, err
}

// committed notes a commit that has happened. An error beside a receipt is about what came after.
func (r *Recorder) committed(way string, c store.Commit, receipt store.Receipt, err error) {
	if err != nil && receipt.Durability == 0 || receipt.Repeated {
		return
	}
	c.Events = placed(c.Events, receipt)
	events := make([]event.Event[any], len(c.Events))
	for i, rec := range c.Events {
		events[i] = r.decoded(untyped(rec))
	}
	r.noteCommit(way, c, receipt)
	r.note(way, events...)
}

// noteCommit notes a commit, unless it was heard of in another way before.
func (r *Recorder) noteCommit(way string, c store.Commit, receipt store.Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if heard, ok := r.receipts[receipt.ItemRevision]; ok && receipt.ItemRevision > 0 && heard != way {
		return
	}
	for _, e := range c.Events {
		if r.heard[way][e.ID] < r.stored[e.ID] {
			return
		}
		r.stored[e.ID]++
	}
	r.receipts[receipt.ItemRevision] = way
	r.commits = append(r.commits, c)
}

// placed returns copies of the records with their places.
func placed(records []event.Record, receipt store.Receipt) []event.Record {
	out := make([]event.Record, len(records))
	after := map[string]uint64{} // records that follow in the stream
	for i := len(records) - 1; i >= 0; i-- {
		rec := records[i]
		rec.Position = receipt.First + store.Position(i)
		rec.Revision = receipt.Revisions[rec.Stream] - after[rec.Stream]
		after[rec.Stream]++
		out[i] = rec
	}
	return out
}

// untyped returns the record as an event whose data are its bytes.
func untyped(rec event.Record) event.Event[any] {
	e := event.Event[any]{Metadata: rec.Metadata, Place: rec.Place}
	switch {
	case rec.Data == nil:
	case event.IsJSON(rec.ContentType):
		e.Data = json.RawMessage(rec.Data)
	default:
		e.Data = rec.Data
	}
	return e
}

// decoded returns the event with its data in the Go type that is registered for it, when they are bytes that can be decoded. It is
// not lifted: what was noted is what was written.
func (r *Recorder) decoded(e event.Event[any]) event.Event[any] {
	switch e.Data.(type) {
	case json.RawMessage, []byte:
	default:
		return e
	}
	rec, err := r.cfg.Registry.Encode(e)
	if err != nil {
		return e
	}
	d, err := r.cfg.Registry.Decode(rec)
	if err != nil || d.Type != e.Type || d.Version != e.SchemaVersion() {
		return e
	}
	e.Data = d.Data
	return e
}

// AppRecorder is a Recorder with the methods of an *oxbow.App.
type AppRecorder struct{ r *Recorder }

// AsApp returns the recorder for those who ask for what an *oxbow.App has.
func (r *Recorder) AsApp() AppRecorder { return AppRecorder{r} }

// Publish makes an event of data, as [event.New] does, and commits it; see [Recorder.Commit].
func (a AppRecorder) Publish(ctx context.Context, data any, opts ...event.Option) (store.Receipt, error) {
	e, err := event.New(ctx, data, opts...)
	if err != nil {
		return store.Receipt{}, err
	}
	rec, err := a.r.cfg.Registry.Encode(e)
	if err != nil {
		return store.Receipt{}, err
	}
	return a.r.Commit(ctx, store.Commit{Events: []event.Record{rec}})
}

// Commit is [Recorder.Commit].
func (a AppRecorder) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	return a.r.Commit(ctx, c)
}

// StoreHook returns a hook that notes what is committed to a store.
func (r *Recorder) StoreHook() store.Hook { return storeHook{r} }

// Hooks returns the hooks that note what an app stores.
func (r *Recorder) Hooks() oxbow.Hooks { return oxbow.Hooks{Store: r.StoreHook()} }

type storeHook struct{ r *Recorder }

func (h storeHook) Append(ctx context.Context, c *store.Commit) (context.Context, func(store.Receipt, error)) {
	return ctx, func(receipt store.Receipt, err error) { h.r.committed("store", *c, receipt, err) }
}
