package cqrs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// Bucket is where records of commands with an idempotency key are kept, under that key, as JSON. They are written in the commit of what
// the command led to.
const Bucket = "oxbow.commands"

// record is what is kept of a command that had a key.
type record struct {
	Type   string          `json:"type"`
	ID     event.ID        `json:"id"`
	Digest string          `json:"digest"`
	Time   time.Time       `json:"time"`
	Result json.RawMessage `json:"result"`
	Events int             `json:"events,omitempty"`
	First  event.ID        `json:"first,omitzero"` // id of the first event
}

// once runs a command that has a key, unless it was run before.
func (e *execution) once(ctx context.Context) (any, error) {
	if e.bus.store == nil {
		return nil, event.Invalid("key", "needs a store, where it is kept; give the bus one")
	}
	if err := event.CheckName("key", e.key); err != nil {
		return nil, err
	}
	if t := e.handler.result; t.Kind() == reflect.Interface && t.NumMethod() > 0 {
		return nil, event.Invalid("key", "needs a result that can be read back, and %s answers with the interface %v", e.handler.name, t)
	}
	digest, err := e.contents()
	if err != nil {
		return nil, event.Invalid("key", "needs a command that can be written as JSON, to be known again: %v", err)
	}
	e.digest = digest
	leave, err := e.bus.turns.take(ctx, e.sending, e.key)
	if err != nil {
		return nil, err
	}
	defer leave()
	e.sending.note(func(d *done) { d.key = e.key })
	if first, found, err := e.recall(ctx); found || err != nil {
		return first, err
	}
	return e.run(ctx)
}

// contents returns a digest of all that makes two commands the same.
func (e *execution) contents() (string, error) {
	text, err := json.Marshal([]any{e.handler.typeName, e.sending.meta.UserID, e.data})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// record returns what keeps the command's result, and the condition that nobody else did.
func (e *execution) record(result any, events []event.Record) (store.ItemWrite, store.Condition, error) {
	r := record{
		Type: e.handler.typeName, ID: e.sending.meta.ID, Digest: e.digest, Time: e.sending.meta.Time, Events: len(events),
	}
	if len(events) > 0 {
		r.First = events[0].ID
	}
	var err error
	if r.Result, err = (event.JSON{}).Encode(result); err != nil {
		return store.ItemWrite{}, store.Condition{}, event.Invalid("result", "cannot be kept as JSON: %v", err)
	}
	value, err := (event.JSON{}).Encode(r)
	return store.Put(Bucket, e.key, value), store.ItemAt(Bucket, e.key, e.held), err
}

// recall returns the result of the first time, if there was one.
func (e *execution) recall(ctx context.Context) (result any, found bool, err error) {
	if e.key == "" {
		return nil, false, nil
	}
	item, err := e.bus.store.Get(ctx, Bucket, e.key)
	if err != nil {
		return nil, false, fmt.Errorf("look for key %q: %w", e.key, err)
	}
	e.held = item.Revision
	if item.Revision == 0 {
		return nil, false, nil
	}
	r, err := parse(item)
	if err != nil {
		return nil, false, err
	}
	if !e.bus.cfg.NoExpiry && r.olderThan(e.bus.cfg.Retention) {
		return nil, false, nil
	}
	if r.Digest != e.digest {
		return nil, false, &KeyUsedError{Key: e.key, Name: r.Type, ID: r.ID, Time: r.Time}
	}
	result, err = e.repeat(ctx, r)
	return result, err == nil, err
}

func parse(item store.Item) (r record, err error) {
	if err := json.Unmarshal(item.Value, &r); err != nil {
		return r, fmt.Errorf("%w: item %q in %q is no record of a command: %w", store.ErrDamaged, item.Key, item.Bucket, err)
	}
	return r, nil
}

func (r *record) olderThan(d time.Duration) bool { return time.Since(r.Time) > d }

// repeat returns a recorded result, and notes where its events stand.
func (e *execution) repeat(ctx context.Context, r record) (any, error) {
	result := reflect.New(e.handler.result)
	if err := (event.JSON{}).Decode(r.Result, result.Interface()); err != nil {
		return nil, fmt.Errorf("the result that key %q has is no %v: %w", e.key, e.handler.result, err)
	}
	receipt, err := e.bus.receipt(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("look for the events of key %q: %w", e.key, err)
	}
	e.sending.note(func(d *done) { d.receipt, d.repeated, d.attempts = receipt, true, 0 })
	return result.Elem().Interface(), nil
}

// receipt returns where the events of a record stand. It is zero when there are none, or no more.
func (b *CommandBus) receipt(ctx context.Context, r record) (receipt store.Receipt, err error) {
	if r.Events == 0 {
		return receipt, nil
	}
	for first, err := range b.store.Read(ctx, store.Query{Any: []store.Filter{{ID: r.First}}, Limit: 1}) {
		if err != nil {
			return store.Receipt{}, err
		}
		receipt.First, receipt.Repeated = first.Position, true
		receipt.Last = first.Position + store.Position(r.Events-1)
	}
	return receipt, nil
}
