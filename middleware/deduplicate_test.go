package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/middleware"
)

func callOf(id event.ID) *middleware.Call {
	c := newCall()
	c.Metadata.ID = id
	return c
}

func TestARepetitionGetsTheFirstResultAndIsNotHandled(t *testing.T) {
	calls := 0
	handle := middleware.Deduplicate(middleware.DeduplicateConfig{})(func(context.Context, *middleware.Call) (any, error) {
		calls++
		return calls, nil
	})
	c := newCall()
	for range 3 {
		if result, err := handle(t.Context(), c); result != 1 || err != nil {
			t.Errorf("returned %v, %v; want the first result", result, err)
		}
	}
	if result, _ := handle(t.Context(), newCall()); result != 2 {
		t.Errorf("another id returned %v", result)
	}
}

func TestWhatFailedIsHandledAgain(t *testing.T) {
	outcomes := []func() (any, error){
		func() (any, error) { return "lost", errDown },
		func() (any, error) { panic("lost too") },
		func() (any, error) { return "done", nil },
	}
	calls := 0
	handle := middleware.Deduplicate(middleware.DeduplicateConfig{})(func(context.Context, *middleware.Call) (any, error) {
		calls++
		return outcomes[calls-1]()
	})
	c := newCall()
	if result, err := handle(t.Context(), c); result != "lost" || err != errDown {
		t.Errorf("the first call returned %v, %v", result, err)
	}
	func() {
		defer func() {
			if recover() != "lost too" {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = handle(t.Context(), c)
	}()
	for range 2 {
		if result, err := handle(t.Context(), c); result != "done" || err != nil || calls != 3 {
			t.Errorf("call %d returned %v, %v", calls, result, err)
		}
	}
}

func TestOfTwoAtOnceTheSecondWaitsForTheFirst(t *testing.T) {
	for name, first := range map[string]error{"which works": nil, "which fails": errDown} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				calls, running := 0, 0
				handle := middleware.Deduplicate(middleware.DeduplicateConfig{Size: 1})(func(context.Context, *middleware.Call) (any, error) {
					mu.Lock()
					calls++
					running++
					n := calls
					if running > 1 {
						t.Error("two are handled at the same time")
					}
					mu.Unlock()
					time.Sleep(time.Second) // fake time
					mu.Lock()
					running--
					mu.Unlock()
					if n == 1 {
						return n, first
					}
					return n, nil
				})
				c, results := newCall(), make(chan string, 5)
				for range 5 {
					go func() {
						result, err := handle(t.Context(), c)
						results <- fmt.Sprint(result, " ", err)
					}()
				}
				want := map[string]int{"1 <nil>": 5}
				if first != nil {
					want = map[string]int{"1 card service is down": 1, "2 <nil>": 4}
				}
				got := map[string]int{}
				for range 5 {
					got[<-results]++
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("the results are %v, want %v", got, want)
				}
			})
		})
	}
}

func TestAWaitingRepetitionEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handle := middleware.Deduplicate(middleware.DeduplicateConfig{})(func(ctx context.Context, _ *middleware.Call) (any, error) {
			time.Sleep(time.Minute) // fake time
			return nil, nil
		})
		c := newCall()
		go func() { _, _ = handle(t.Context(), c) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if _, err := handle(ctx, c); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %v it returned %v", time.Since(began), err)
		}
		time.Sleep(time.Minute) // fake time: until the first has ended
	})
}

func TestEachHandlerHasAMemoryOfItsOwn(t *testing.T) {
	dedup := middleware.Deduplicate(middleware.DeduplicateConfig{})
	calls := 0
	count := func(context.Context, *middleware.Call) (any, error) { calls++; return nil, nil }
	c := newCall()
	for range 2 {
		for _, handle := range []middleware.Handler{dedup(count), dedup(count)} {
			if _, err := handle(t.Context(), c); err != nil {
				t.Error(err)
			}
		}
	}
	if calls != 4 {
		t.Errorf("one event reached %d of 4 handlers", calls)
	}
}

func TestACallWithoutAnIDIsAlwaysHandled(t *testing.T) {
	calls := 0
	handle := middleware.Deduplicate(middleware.DeduplicateConfig{})(func(context.Context, *middleware.Call) (any, error) {
		calls++
		return nil, nil
	})
	for range 2 {
		if _, err := handle(t.Context(), callOf(event.ID{})); err != nil {
			t.Error(err)
		}
	}
	if calls != 2 {
		t.Errorf("%d of 2 calls without an id were handled", calls)
	}
}

// TestDeduplicateFollowsItsModel compares with a list of what was handled, from the oldest to the newest.
func TestDeduplicateFollowsItsModel(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			cfg := middleware.DeduplicateConfig{Size: 1 + random.IntN(6), TTL: time.Duration(random.IntN(2)) * 10 * time.Second}
			type handled struct {
				id     int
				result int
				at     time.Time
			}
			var model []handled
			calls, fails := 0, false
			handle := middleware.Deduplicate(cfg)(func(context.Context, *middleware.Call) (any, error) {
				calls++
				if fails {
					return nil, errDown
				}
				return calls, nil
			})
			ids := make([]event.ID, 10)
			for i := range ids {
				ids[i] = event.NewID()
			}
			for step := range 400 {
				time.Sleep(time.Duration(random.IntN(3)) * time.Second) // fake time
				for len(model) > 0 && cfg.TTL > 0 && time.Since(model[0].at) >= cfg.TTL {
					model = model[1:]
				}
				id, before := random.IntN(len(ids)), calls
				fails = random.IntN(3) == 0
				want, wantErr, wantCalls := any(nil), error(nil), before
				known := false
				for _, h := range model {
					if h.id == id {
						known, want = true, h.result
					}
				}
				switch {
				case !known && fails:
					wantErr, wantCalls = errDown, before+1
				case !known:
					want, wantCalls = before+1, before+1
					model = append(model, handled{id, before + 1, time.Now()})
					model = model[max(0, len(model)-cfg.Size):]
				}
				result, err := handle(t.Context(), callOf(ids[id]))
				if result != want || err != wantErr || calls != wantCalls {
					t.Fatalf("seed %d, step %d: returned %v, %v after %d calls; want %v, %v after %d",
						seed, step, result, err, calls, want, wantErr, wantCalls)
				}
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	handle := middleware.Deduplicate(middleware.DeduplicateConfig{Size: 1000})(succeed)
	c := newCall()
	use := func(n int) (bytes uint64) {
		for range n {
			c.Metadata.ID = event.NewID()
			if _, err := handle(context.Background(), c); err != nil {
				t.Fatal(err)
			}
		}
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	few := use(2000)
	if many := use(200_000); many > few+1<<20 {
		t.Errorf("two hundred times its size grew the heap from %d to %d bytes", few, many)
	}
	runtime.KeepAlive(handle)
}
