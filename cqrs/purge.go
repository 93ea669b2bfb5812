package cqrs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/store"
)

// pageSize is how many records are purged in one commit.
const pageSize = 256

// Purge forgets the idempotency keys of commands that were sent longer ago than that, and returns how many. 0 stands for Config.Retention.
// A command with such a key is new when it is sent again. Records that cannot be read are left, and reported in the error when all
// others are done.
func (b *CommandBus) Purge(ctx context.Context, olderThan time.Duration) (purged int, err error) {
	if b.store == nil {
		return 0, event.Invalid("store", "is missing; without one there are no keys to forget")
	}
	if olderThan < 0 {
		return 0, event.Invalid("older than", "is %v", olderThan)
	}
	if olderThan == 0 && b.cfg.NoExpiry {
		return 0, event.Invalid("older than", "is missing, and Config.NoExpiry is set; say how old")
	}
	if olderThan == 0 {
		olderThan = b.cfg.Retention
	}
	var unreadable []error
	for from := ""; ; {
		page, next, err := b.oldest(ctx, from, olderThan, &unreadable)
		if err != nil {
			return purged, fmt.Errorf("purge: %w", err)
		}
		n, err := b.forget(ctx, page)
		if purged += n; err != nil {
			return purged, fmt.Errorf("purge: %w", err)
		}
		if from = next; from == "" {
			return purged, errors.Join(unreadable...)
		}
	}
}

const purgeEvery = time.Hour

// Run purges the idempotency keys that have expired, at once and then every hour, until ctx ends, and then returns nil. An error
// is logged, and the next hour tries again. It is for one process of those that share the store; several do no harm.
func (b *CommandBus) Run(ctx context.Context) error {
	if b.store == nil || b.cfg.NoExpiry {
		<-ctx.Done()
		return nil
	}
	for {
		if _, err := b.Purge(ctx, 0); err != nil && ctx.Err() == nil {
			b.cfg.Logger.Warn("idempotency keys not purged", "error", err)
		}
		if backoff.Sleep(ctx, purgeEvery) != nil {
			return nil
		}
	}
}

// oldest returns a page of old records from a key on, and where to go on; "" is the end.
func (b *CommandBus) oldest(ctx context.Context, from string, olderThan time.Duration, unreadable *[]error) (page []store.Item, next string, err error) {
	for item, err := range b.store.List(ctx, Bucket, from, "") {
		if err != nil {
			return nil, "", err
		}
		if len(page) == pageSize {
			return page, item.Key, nil
		}
		r, err := parse(item)
		switch {
		case err != nil:
			*unreadable = append(*unreadable, err)
		case r.olderThan(olderThan):
			page = append(page, item)
		}
	}
	return page, "", nil
}

// forget deletes items as they are, together or, when one has changed, one by one.
func (b *CommandBus) forget(ctx context.Context, items []store.Item) (forgotten int, err error) {
	if len(items) == 0 {
		return 0, nil
	}
	var c store.Commit
	for _, item := range items {
		c.Items = append(c.Items, store.Delete(Bucket, item.Key))
		c.Conditions = append(c.Conditions, store.ItemAt(Bucket, item.Key, item.Revision))
	}
	_, err = b.store.Commit(ctx, c)
	switch {
	case err == nil:
		return len(items), nil
	case !errors.Is(err, store.ErrConflict):
		return 0, err
	case len(items) == 1:
		return 0, nil // sent again meanwhile
	}
	for i := range items {
		n, err := b.forget(ctx, items[i:i+1])
		if forgotten += n; err != nil {
			return forgotten, err
		}
	}
	return forgotten, nil
}
