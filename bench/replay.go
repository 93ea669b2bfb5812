package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// fill appends n events, 100 at a time.
func fill(ctx context.Context, st *store.Store, n int) error {
	a := newAppender(st, 0, 1)
	for range n / 100 {
		if err := a.append(ctx, 100); err != nil {
			return err
		}
	}
	return nil
}

// replay reads everything in order and counts it.
func replay(st *store.Store, want int) func(context.Context) error {
	return func(ctx context.Context) error {
		n := 0
		for _, err := range st.Read(ctx, store.Query{}) {
			if err != nil {
				return err
			}
			n++
		}
		if n != want {
			return fmt.Errorf("read %d events of %d", n, want)
		}
		return nil
	}
}

func prepareReplay(ctx context.Context, e *env) (oxbow, peer side, err error) {
	n := e.n(200_000, 300)
	st, raw, err := logAndRaw(e, filelog.Config{NoSync: true})
	if err != nil {
		return nil, nil, err
	}
	if err := fill(ctx, st, n); err != nil {
		return nil, nil, err
	}
	for range n / 100 {
		if err := raw.append(100, false); err != nil {
			return nil, nil, err
		}
	}
	return all(n, replay(st, n)), all(n, raw.replay), nil
}

func prepareOpen(ctx context.Context, e *env) (oxbow, peer side, err error) {
	dir, err := e.folder()
	if err != nil {
		return nil, nil, err
	}
	driver, err := filelog.Open(dir, filelog.Config{NoSync: true})
	if err != nil {
		return nil, nil, err
	}
	err = fill(ctx, store.New(driver, store.Config{}), e.n(200_000, 300))
	if closed := driver.Close(); err == nil {
		err = closed
	}
	return each(1, func(context.Context) error { return reopen(dir) }), each(1, func(context.Context) error { return readAll(dir) }), err
}

func reopen(dir string) error {
	driver, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		return err
	}
	return driver.Close()
}

// readAll reads every file in a folder.
func readAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		_, err = os.ReadFile(path)
		return err
	})
}
