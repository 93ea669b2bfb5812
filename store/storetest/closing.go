package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

var closing = []claim{
	{"ClosingTwiceIsFine", closingTwice},
	{"EveryCallAfterCloseFails", callsAfterClose},
	{"CloseEndsWait", closeEndsWait},
	{"CloseEndsFollow", closeEndsFollow},
	{"CloseEndsIterations", closeEndsIterations},
	{"CloseAmongAppendsLosesNoneAcknowledged", closeAmongAppends},
}

func (t *trial) close() {
	t.Helper()
	if err := t.d.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func closingTwice(t *trial) {
	t.commit(events(record("s")))
	t.close()
	t.close()
	var closers sync.WaitGroup
	for range 4 {
		closers.Go(t.close)
	}
	closers.Wait()
}

func callsAfterClose(t *trial) {
	t.commit(store.Commit{Events: records("s", 3), Items: []store.ItemWrite{store.Put(things, "k", nil)}})
	t.close()
	t.everyCall(t.ctx, store.ErrClosed)
}

func closeEndsWait(t *trial) {
	last := t.commit(events(record("s"))).Last
	var waiters sync.WaitGroup
	for range 8 {
		waiters.Go(func() {
			if _, err := t.d.Wait(t.ctx, last); !errors.Is(err, store.ErrClosed) {
				t.Errorf("Wait returned %v, want ErrClosed", err)
			}
		})
	}
	jitter(t.random())
	t.close()
	waiters.Wait()
}

func closeEndsFollow(t *trial) {
	t.commit(events(records("s", 3)...))
	w := watch(t.ctx, t, follow)
	w.until(t, 3)
	t.close()
	if _, more := <-w.seen; more || !errors.Is(w.err, store.ErrClosed) {
		t.Errorf("Follow ended with %v, want ErrClosed", w.err)
	}
}

// closeEndsIterations closes while others read and list over and over.
func closeEndsIterations(t *trial) {
	t.commit(store.Commit{Events: records("s", many), Items: manyItems(things, many)})
	started := make(chan struct{}, 2)
	over := func(name string, iterate func() error) func() {
		return func() {
			started <- struct{}{}
			err := iterate()
			for err == nil {
				err = iterate()
			}
			if !errors.Is(err, store.ErrClosed) {
				t.Errorf("%s ended with %v, want ErrClosed", name, err)
			}
		}
	}
	var reading sync.WaitGroup
	reading.Go(over("Read", func() error {
		_, err := collect(t.d.Read(t.ctx, store.Query{}))
		return err
	}))
	reading.Go(over("List", func() error {
		_, err := collect(t.d.List(t.ctx, things, "", ""))
		return err
	}))
	<-started
	<-started
	t.close()
	reading.Wait()
}

// closeAmongAppends closes while many append. Each append is acknowledged or fails with ErrClosed, and what was acknowledged is
// there after reopening.
func closeAmongAppends(t *trial) {
	const writers = 8
	var acknowledged [writers][]event.Record
	begun := make(chan struct{}, writers)
	var writing sync.WaitGroup
	for writer := range writers {
		writing.Go(func() {
			for {
				r := record("s")
				_, err := t.d.Append(context.WithoutCancel(t.ctx), events(r))
				if err != nil {
					if !errors.Is(err, store.ErrClosed) {
						t.Errorf("Append: %v", err)
					}
					return
				}
				if acknowledged[writer] = append(acknowledged[writer], r); len(acknowledged[writer]) == 3 {
					begun <- struct{}{}
				}
			}
		})
	}
	for range writers {
		<-begun
	}
	t.close()
	writing.Wait()
	if !t.canReopen() {
		return
	}
	t.reopen()
	there := map[event.ID]int{}
	for _, r := range t.read(store.Query{}) {
		there[r.ID]++
	}
	for _, rs := range acknowledged {
		for _, r := range rs {
			if there[r.ID] != 1 {
				t.Errorf("an acknowledged event is there %d times, want once", there[r.ID])
			}
		}
	}
}
