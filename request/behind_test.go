package request_test

import (
	"context"
	"iter"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/oxbow-events/oxbow/request"
)

func TestAReaderThatIsAlwaysBehindHoldsNoMoreThanTheWindow(t *testing.T) {
	const values = 200_000
	c, _ := over(t, request.Config{})
	var sent atomic.Int64
	many := func(context.Context, PriceAsked) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range values {
				sent.Store(int64(i))
				if !yield(i, nil) {
					return
				}
			}
		}
	}
	if _, err := request.HandleStream(c, many); err != nil {
		t.Fatal(err)
	}
	before, read := heap(), 0
	for v, err := range request.Stream[int](t.Context(), c, PriceAsked{"oak"}) {
		if err != nil || v != read {
			t.Fatalf("value %d is %d, %v", read, v, err)
		}
		read++
		for sent.Load() < int64(min(read+4, values-1)) {
			runtime.Gosched()
		}
		if read == values-10 {
			if grown := heap() - before; grown > 1<<20 {
				t.Errorf("after %d values the stream holds %d bytes", read, grown)
			}
		}
	}
	if read != values {
		t.Errorf("read %d values, want %d", read, values)
	}
}

// heap returns how many bytes are in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
