package main

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// appender appends to the streams that are its own, one after the other, each time at the revision that it expects.
type appender struct {
	store     *store.Store
	names     []string
	revisions []uint64
	next      int
}

func newAppender(st *store.Store, first, step int) *appender {
	a := &appender{store: st}
	for n := first; n < streams; n += step {
		a.names = append(a.names, streamName(n))
	}
	a.revisions = make([]uint64, len(a.names))
	return a
}

// append commits n events to one stream.
func (a *appender) append(ctx context.Context, n int) error {
	stream, revision := a.names[a.next], &a.revisions[a.next]
	a.next = (a.next + 1) % len(a.names)
	c := store.Commit{Conditions: []store.Condition{store.AtRevision(stream, *revision)}, Events: make([]event.Record, n)}
	for i := range c.Events {
		c.Events[i] = record(stream)
	}
	_, err := a.store.Commit(ctx, c)
	*revision += uint64(n)
	return err
}

func (a *appender) appends(n int) func(context.Context) error {
	return func(ctx context.Context) error { return a.append(ctx, n) }
}

func openLog(e *env, cfg filelog.Config) (*store.Store, error) {
	dir, err := e.folder()
	if err != nil {
		return nil, err
	}
	driver, err := filelog.Open(dir, cfg)
	if err != nil {
		return nil, err
	}
	e.onClose(driver.Close)
	return store.New(driver, store.Config{}), nil
}

// logAndRaw opens what append works compare.
func logAndRaw(e *env, cfg filelog.Config) (*store.Store, *rawFile, error) {
	st, err := openLog(e, cfg)
	if err != nil {
		return nil, nil, err
	}
	raw, err := newRawFile(e)
	return st, raw, err
}

func prepareAppend(_ context.Context, e *env) (oxbow, peer side, err error) {
	st, raw, err := logAndRaw(e, filelog.Config{})
	if err != nil {
		return nil, nil, err
	}
	n := e.n(1000, 5)
	return each(n, newAppender(st, 0, 1).appends(1)), each(n, raw.appends(1, true)), nil
}

func prepareAppendUnsynced(_ context.Context, e *env) (oxbow, peer side, err error) {
	st, raw, err := logAndRaw(e, filelog.Config{NoSync: true})
	if err != nil {
		return nil, nil, err
	}
	n := e.n(50_000, 50)
	return all(n, repeat(n, newAppender(st, 0, 1).appends(1))), all(n, repeat(n, raw.appends(1, false))), nil
}

func prepareAppend100(_ context.Context, e *env) (oxbow, peer side, err error) {
	st, raw, err := logAndRaw(e, filelog.Config{})
	if err != nil {
		return nil, nil, err
	}
	n := e.n(200, 3)
	return all(100*n, repeat(n, newAppender(st, 0, 1).appends(100))), all(100*n, repeat(n, raw.appends(100, true))), nil
}

func prepareAppend64(_ context.Context, e *env) (oxbow, peer side, err error) {
	const writers = 64
	st, raw, err := logAndRaw(e, filelog.Config{})
	if err != nil {
		return nil, nil, err
	}
	each, synced := e.n(500, 2), e.n(500, 5)
	var appends []func(context.Context) error
	for w := range writers {
		appends = append(appends, repeat(each, newAppender(st, w, writers).appends(1)))
	}
	return all(writers*each, together(appends)), all(synced, repeat(synced, raw.appends(1, true))), nil
}

// repeat returns n calls as one.
func repeat(n int, call func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for range n {
			if err := call(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// together returns calls at the same time as one. It returns one of their errors, if there are any.
func together(calls []func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		var failed atomic.Pointer[error]
		var work sync.WaitGroup
		for _, call := range calls {
			work.Go(func() {
				if err := call(ctx); err != nil {
					failed.Store(&err)
				}
			})
		}
		work.Wait()
		if err := failed.Load(); err != nil {
			return *err
		}
		return nil
	}
}
