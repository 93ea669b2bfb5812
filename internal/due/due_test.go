package due_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/internal/due"
)

// called is a value and when it was called back.
type called struct {
	value int
	after time.Duration
}

// run runs the queue until the test's end and returns what it called back so far.
func run(t *testing.T, q *due.Queue[int]) (calls func() []called) {
	t.Helper()
	began := time.Now()
	var mu sync.Mutex
	var got []called
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q.Run(ctx, func(v int) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, called{v, time.Since(began)})
		})
	}()
	t.Cleanup(func() { stop(); <-ended })
	return func() []called {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(got)
	}
}

func TestValuesAreCalledBackAtTheirTimesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := due.New[int]()
		calls := run(t, q)
		now := time.Now()
		q.Add(now.Add(3*time.Hour), 3)
		q.Add(now.Add(time.Second), 1)
		q.Add(now.Add(time.Second), 2)
		q.Add(now.Add(-time.Minute), 0)
		time.Sleep(4 * time.Hour)
		want := []called{{0, 0}, {1, time.Second}, {2, time.Second}, {3, 3 * time.Hour}}
		if got := calls(); !slices.Equal(got, want) {
			t.Errorf("called back %v, want %v", got, want)
		}
	})
}

func TestTimesOnTheWallAreReachedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := due.New[int]()
		calls := run(t, q)
		q.Add(time.Now().Round(0).Add(7*time.Second), 7)
		time.Sleep(time.Minute)
		if got, want := calls(), []called{{7, 7 * time.Second}}; !slices.Equal(got, want) {
			t.Errorf("called back %v, want %v", got, want)
		}
	})
}

func TestAClockThatIsSetIsNoticedWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := due.New[int]()
		var ahead atomic.Int64
		q.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())).Round(0) }
		calls := run(t, q)
		q.Add(q.Now().Add(time.Hour), 1)
		q.Add(q.Now().Add(2*time.Hour), 2)
		time.Sleep(time.Minute)
		ahead.Store(int64(time.Hour))
		time.Sleep(2 * time.Second)
		if got := calls(); len(got) != 1 || got[0].value != 1 {
			t.Errorf("called back %v after the clock was set forward", got)
		}
		ahead.Store(int64(-time.Hour))
		time.Sleep(2 * time.Hour)
		if got := calls(); len(got) != 1 {
			t.Errorf("called back %v before the clock that was set back showed its time", got)
		}
		time.Sleep(time.Hour)
		if got := calls(); len(got) != 2 {
			t.Errorf("called back %v, want both", got)
		}
	})
}

func TestAnEarlierValueIsNotHeldUpByALaterOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := due.New[int]()
		calls := run(t, q)
		q.Add(time.Now().Add(time.Hour), 2)
		time.Sleep(time.Minute)
		q.Add(time.Now().Add(time.Millisecond), 1)
		time.Sleep(time.Millisecond)
		if got, want := calls(), []called{{1, time.Minute + time.Millisecond}}; !slices.Equal(got, want) {
			t.Errorf("called back %v, want %v", got, want)
		}
	})
}

func TestWhatIsRemovedIsNotCalledBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := due.New[int]()
		calls := run(t, q)
		first := q.Add(time.Now().Add(time.Second), 1)
		second := q.Add(time.Now().Add(2*time.Second), 2)
		if !q.Remove(first) || q.Remove(first) {
			t.Error("an entry is to be removed once")
		}
		time.Sleep(time.Minute)
		if got, want := calls(), []called{{2, 2 * time.Second}}; !slices.Equal(got, want) {
			t.Errorf("called back %v, want %v", got, want)
		}
		if q.Remove(second) {
			t.Error("an entry that was called back could be removed")
		}
	})
}

func TestACallMayAddAndRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := due.New[int]()
		var doomed *due.Entry[int]
		var got []int
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		q.Add(time.Now().Add(time.Second), 1)
		doomed = q.Add(time.Now().Add(2*time.Second), 9)
		q.Run(ctx, func(v int) {
			got = append(got, v)
			q.Remove(doomed)
			if v == 3 {
				stop()
				return
			}
			q.Add(time.Now().Add(time.Second), v+1)
		})
		if want := []int{1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("called back %v, want %v", got, want)
		}
	})
}

func TestRunEndsWithItsContextAndKeepsTheRest(t *testing.T) {
	q := due.New[int]()
	for i := range 3 {
		q.Add(time.Now(), i)
	}
	ctx, stop := context.WithCancel(t.Context())
	q.Run(ctx, func(int) { stop() })
	if q.Len() != 2 {
		t.Errorf("%d are left, want 2", q.Len())
	}
	if err := q.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with an ended context returned %v", err)
	}
}

func TestTakeReturnsWhatIsDueUpToItsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := due.New[int]()
		for i := range 10 {
			q.Add(time.Now().Add(time.Duration(i)*time.Second), i)
		}
		if got := q.Take(100); !slices.Equal(got, []int{0}) {
			t.Errorf("took %v, want only the first", got)
		}
		time.Sleep(5 * time.Second)
		if got := q.Take(3); !slices.Equal(got, []int{1, 2, 3}) {
			t.Errorf("took %v, want three", got)
		}
		if got := q.Take(3); !slices.Equal(got, []int{4, 5}) {
			t.Errorf("took %v, want the rest that is due", got)
		}
		if err := q.Wait(t.Context()); err != nil || time.Until(firstOf(t, q)) != 0 {
			t.Errorf("Wait returned %v, with %v left", err, time.Until(firstOf(t, q)))
		}
	})
}

func firstOf(t *testing.T, q *due.Queue[int]) time.Time {
	t.Helper()
	at, ok := q.First()
	if !ok {
		t.Fatal("the queue is empty")
	}
	return at
}

func TestAQueueBehavesAsASortedList(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	q := due.New[int]()
	base := time.Now().Add(-time.Hour)
	type entry struct {
		at    int
		value int
		added *due.Entry[int]
	}
	var model []entry
	for i := range 20_000 {
		switch random.IntN(5) {
		case 0, 1, 2:
			at := random.IntN(500)
			added := q.Add(base.Add(time.Duration(at)*time.Second), i)
			place := sort.Search(len(model), func(i int) bool { return model[i].at > at })
			model = slices.Insert(model, place, entry{at, i, added})
		case 3:
			if len(model) == 0 {
				continue
			}
			place := random.IntN(len(model))
			if !q.Remove(model[place].added) {
				t.Fatalf("seed %d: step %d: the entry was gone", seed, i)
			}
			model = slices.Delete(model, place, place+1)
		case 4:
			n := min(random.IntN(4), len(model))
			want := make([]int, n)
			for k := range n {
				want[k] = model[k].value
			}
			if got := q.Take(n); !slices.Equal(got, want) {
				t.Fatalf("seed %d: step %d: took %v, want %v", seed, i, got, want)
			}
			model = model[n:]
		}
		if last, ok := q.Last(); ok != (len(model) > 0) || ok && last != model[len(model)-1].added {
			t.Fatalf("seed %d: step %d: the last entry is another one", seed, i)
		}
	}
}

func TestAnEntryTakesLittleMemory(t *testing.T) {
	const n = 200_000
	q := due.New[int]()
	before := heap()
	for i := range n {
		q.Add(time.Now().Add(time.Duration(i)), i)
	}
	if each := (heap() - before) / n; each > 100 {
		t.Errorf("an entry takes %d bytes, want at most 100", each)
	}
	q.Take(n)
	if left := heap() - before; left > 100_000 {
		t.Errorf("an emptied queue keeps %d bytes", left)
	}
	runtime.KeepAlive(q)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func ExampleQueue_Run() {
	q := due.New[string]()
	now := time.Now()
	q.Add(now.Add(20*time.Millisecond), "second")
	q.Add(now.Add(10*time.Millisecond), "first")
	ctx, stop := context.WithCancel(context.Background())
	q.Run(ctx, func(v string) {
		fmt.Println(v)
		if q.Len() == 0 {
			stop()
		}
	})
	// Output:
	// first
	// second
}
