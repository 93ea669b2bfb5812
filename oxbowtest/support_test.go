package oxbowtest_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fakeT is a testing.TB that records what it is told, and ends the goroutine on Fatalf as a real one does.
type fakeT struct {
	testing.TB
	said []string
}

func (f *fakeT) Helper()                  {}
func (f *fakeT) Name() string             { return "TestOfAUser" }
func (f *fakeT) Context() context.Context { return context.Background() }
func (f *fakeT) Errorf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.said = append(f.said, "fatal: "+fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// failures returns what a test that a user wrote says when it fails.
func failures(t *testing.T, test func(t testing.TB)) []string {
	t.Helper()
	f := &fakeT{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(f)
	}()
	<-done
	return f.said
}

// golden compares what a failing test says with a file.
func golden(t *testing.T, name string, test func(t testing.TB)) {
	t.Helper()
	said := failures(t, test)
	if len(said) == 0 {
		t.Errorf("%s: the test does not fail", name)
		return
	}
	compareGolden(t, name, strings.Join(said, "\n---\n")+"\n")
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it with -update, and look at it", err)
	}
	if string(want) != got {
		t.Errorf("%s: it says\n%s\nwant\n%s", name, got, want)
	}
}

// passes fails when the test of a user fails.
func passes(t *testing.T, test func(t testing.TB)) {
	t.Helper()
	if said := failures(t, test); len(said) > 0 {
		t.Errorf("it fails:\n%s", strings.Join(said, "\n---\n"))
	}
}

func newDriver() *memory.Memory { return memory.New() }

// countingHook counts what it is told.
type countingHook struct{ appended, handled, done atomic.Int64 }

func (h *countingHook) Append(ctx context.Context, _ *store.Commit) (context.Context, func(store.Receipt, error)) {
	h.appended.Add(1)
	return ctx, nil
}

func (h *countingHook) Handle(ctx context.Context, _ string, _ *event.Record, _ int) (context.Context, func(error)) {
	h.handled.Add(1)
	return ctx, func(error) { h.done.Add(1) }
}

func (h *countingHook) Retry(context.Context, string, *event.Record, int, time.Duration, error) {}

func (h *countingHook) DeadLetter(context.Context, string, *event.Record, int, error) {}
