package consumer

import (
	"context"
	"sync"

	"github.com/oxbow-events/oxbow/event"
)

// handlingContext is what a handler is called with: it carries the record as the cause of new events, and the transaction. It is one
// allocation.
type handlingContext struct {
	event.CauseContext
	run *run
	ids event.ID // of which the ids of appended events are made

	mu sync.Mutex
	tx *txState // nil until somebody asks
}

type handlingKey struct{}

func (c *handlingContext) Value(key any) any {
	if key == (handlingKey{}) {
		return c
	}
	return c.CauseContext.Value(key)
}

func (r *run) contextFor(ctx context.Context, rec *event.Record, ids event.ID) *handlingContext {
	return &handlingContext{CauseContext: event.CauseContext{Context: ctx, Cause: rec.Cause()}, run: r, ids: ids}
}

func (c *handlingContext) transaction() *txState {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tx == nil {
		c.tx = &txState{ids: c.ids, name: c.run.name, source: c.run.cfg.Source, store: c.run.store}
	}
	return c.tx
}

// mark returns what forgets all that is written into the transaction from now on.
func (c *handlingContext) mark() (forget func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var to mark
	if c.tx != nil {
		to = c.tx.mark()
	}
	return func() {
		if tx := c.asked(); tx != nil {
			tx.back(to)
		}
	}
}

// asked returns the transaction, nil when nobody asked for it.
func (c *handlingContext) asked() *txState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tx
}

// end returns the transaction when there is anything to commit. Nothing more can be written after it.
func (c *handlingContext) end() *txState {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tx == nil {
		c.tx = returned
		return nil
	}
	if !c.tx.end() {
		return nil
	}
	return c.tx
}
