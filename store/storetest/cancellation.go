package storetest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/oxbow-events/oxbow/store"
)

var cancellation = []claim{
	{"CancelledContextEndsEveryCall", cancelledEndsEveryCall},
	{"PassedDeadlineEndsEveryCall", deadlineEndsEveryCall},
	{"CancelEndsWait", cancelEndsWait},
	{"CancelEndsReading", cancelEndsReading},
	{"CancelEndsListing", cancelEndsListing},
	{"CancelledAppendHappensOnceOrNotAndRetryIsSafe", cancelledAppend},
	{"CancelledAppendDoesNotHarmOthers", cancelledAmongOthers},
}

func cancelledEndsEveryCall(t *trial) {
	t.commit(store.Commit{Events: records("s", 3), Items: []store.ItemWrite{store.Put(things, "k", nil)}})
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	t.everyCall(ctx, context.Canceled)
}

func deadlineEndsEveryCall(t *trial) {
	t.commit(store.Commit{Events: records("s", 3), Items: []store.ItemWrite{store.Put(things, "k", nil)}})
	ctx, cancel := context.WithDeadline(t.ctx, time.Now().Add(-time.Second))
	defer cancel()
	t.everyCall(ctx, context.DeadlineExceeded)
}

// everyCall makes each call of the contract, of which each must end with the error.
func (t *trial) everyCall(ctx context.Context, want error) {
	t.Helper()
	for name, call := range calls(t.d) {
		if err := call(ctx); !errors.Is(err, want) {
			t.Errorf("%s returned %v, want %q", name, err, want)
		}
	}
}

// calls returns every call that the driver offers, by name.
func calls(d store.Driver) map[string]func(context.Context) error {
	all := map[string]func(context.Context) error{
		"Append": func(ctx context.Context) error {
			_, err := d.Append(ctx, events(record("called")))
			return err
		},
		"Append of items": func(ctx context.Context) error {
			_, err := d.Append(ctx, puts(store.Put(things, "called", nil)))
			return err
		},
		"Read": func(ctx context.Context) error {
			_, err := collect(d.Read(ctx, store.Query{}))
			return err
		},
		"Read of nothing": func(ctx context.Context) error {
			_, err := collect(d.Read(ctx, store.Stream("nothing")))
			return err
		},
		"Head": func(ctx context.Context) error {
			_, err := d.Head(ctx)
			return err
		},
		"Wait": func(ctx context.Context) error {
			_, err := d.Wait(ctx, 1<<40)
			return err
		},
		"Wait for what is there": func(ctx context.Context) error {
			_, err := d.Wait(ctx, 0)
			return err
		},
		"Get": func(ctx context.Context) error {
			_, err := d.Get(ctx, things, "k")
			return err
		},
		"List": func(ctx context.Context) error {
			_, err := collect(d.List(ctx, things, "", ""))
			return err
		},
		"List of nothing": func(ctx context.Context) error {
			_, err := collect(d.List(ctx, "nothing", "", ""))
			return err
		},
	}
	if lister, ok := d.(store.StreamLister); ok {
		all["Streams"] = func(ctx context.Context) error {
			_, err := collect(lister.Streams(ctx, ""))
			return err
		}
	}
	if counter, ok := d.(store.Statistician); ok {
		all["Stats"] = func(ctx context.Context) error {
			_, err := counter.Stats(ctx)
			return err
		}
	}
	return all
}

func cancelEndsWait(t *trial) {
	last := t.commit(events(record("s"))).Last
	rng := t.random()
	for range 20 {
		ctx, cancel := context.WithCancel(t.ctx)
		ended := make(chan error, 1)
		go func() {
			_, err := t.d.Wait(ctx, last)
			ended <- err
		}()
		jitter(rng)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Fatalf("Wait returned %v, want the context's error", err)
		}
	}
}

// many is more than a driver should fetch ahead.
const many = 3000

func cancelEndsReading(t *trial) {
	t.commit(events(records("s", many)...))
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	read := 0
	var end error
	for _, err := range t.d.Read(ctx, store.Query{}) {
		if end = err; err != nil {
			continue
		}
		if read++; read == 10 {
			cancel()
		}
	}
	if !errors.Is(end, context.Canceled) || read == many {
		t.Errorf("cancelled after 10 of %d records, the iteration ended with %v after %d", many, end, read)
	}
}

func cancelEndsListing(t *trial) {
	t.commit(puts(manyItems(things, many)...))
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	listed := 0
	var end error
	for _, err := range t.d.List(ctx, things, "", "") {
		if end = err; err != nil {
			continue
		}
		if listed++; listed == 10 {
			cancel()
		}
	}
	if !errors.Is(end, context.Canceled) || listed == many {
		t.Errorf("cancelled after 10 of %d items, the iteration ended with %v after %d", many, end, listed)
	}
}

// cancelledAppend cancels appends at random moments and sends each again.
func cancelledAppend(t *trial) {
	rng := t.random()
	var want []string
	for range 150 {
		c := events(record("a"), record("b"))
		ctx, cancel := context.WithCancel(t.ctx)
		var cancelling sync.WaitGroup
		pause := rng.IntN(30)
		cancelling.Go(func() {
			for range pause {
				runtime.Gosched()
			}
			cancel()
		})
		first, err := t.d.Append(ctx, c)
		cancelling.Wait()
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatalf("a cancelled append returned %v", err)
		}
		again := t.commit(c)
		if err == nil {
			t.sameReceipt(again, first)
		}
		want = append(want, ids(c.Events)...)
	}
	if got := ids(t.read(store.Query{})); !slices.Equal(got, want) {
		t.Errorf("after retries the store has %d events, want each of %d once and in order", len(got), len(want))
	}
}

// cancelledAmongOthers: every other writer gives up at a random moment. The rest must not notice, and whatever was cancelled is
// there whole or not at all.
func cancelledAmongOthers(t *trial) {
	rng := t.random()
	var writing sync.WaitGroup
	for writer := range 16 {
		patience := time.Duration(rng.IntN(2000)) * time.Microsecond
		writing.Go(func() {
			for range 10 {
				ctx, cancel := context.WithCancel(t.ctx)
				if writer%2 == 1 {
					ctx, cancel = context.WithTimeout(t.ctx, patience)
				}
				_, err := t.d.Append(ctx, events(record("a"), record("b")))
				cancel()
				if err != nil && (writer%2 == 0 || !errors.Is(err, context.DeadlineExceeded)) {
					t.Errorf("Append of writer %d: %v", writer, err)
				}
			}
		})
	}
	writing.Wait()
	a, b := t.read(store.Stream("a")), t.read(store.Stream("b"))
	if len(a) != len(b) || len(a) < 80 {
		t.Errorf("the streams have %d and %d events, want the same and at least 80", len(a), len(b))
	}
	t.contiguous(t.read(store.Query{}))
}
