package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/store/filelog"
)

// unclean opens Oxbow's store in the folder, and returns whether it was not closed in order, and how many events it has.
func unclean(t *testing.T, dir string) (unclean bool, events int) {
	t.Helper()
	l, err := filelog.Open(dir, filelog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	head, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l.Recovery().Unclean, int(head)
}

func TestKillLeavesAStoreThatWasNotClosed(t *testing.T) {
	dir := t.TempDir()
	for round := 1; round <= 2; round++ {
		if err := kill(t.Context(), oxbowName, dir, 100); err != nil {
			t.Fatal(err)
		}
		if unclean, events := unclean(t, dir); !unclean || events < round*100 {
			t.Errorf("after kill %d, unclean is %t and there are %d events", round, unclean, events)
		}
	}
	if unclean, _ := unclean(t, dir); unclean {
		t.Error("closing in order left a store that was not closed")
	}
}

func TestKillSaysWhenTheProcessEndedByItself(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0") // else the process sleeps for a second at its end
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "log"), nil, 0o600); err != nil { // where the folder of segments should be
		t.Fatal(err)
	}
	if err := kill(t.Context(), oxbowName, dir, 1); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("killing what cannot open its store returned %v", err)
	}
}

func TestBadTasksAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{":                                 "unexpected end",
		`{"Do":"sleep","Store":"Oxbow"}`:    `no task "sleep"`,
		`{"Do":"memory","Store":"Herodot"}`: `no store "Herodot"`,
	} {
		if err := runTask(t.Context(), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the task %s returned %v, want %s", text, err, want)
		}
	}
}

func TestPrivateMemoryIsAPartOfResidentMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it is read from /proc, so only on Linux")
	}
	m, err := ownMemory()
	if err != nil || m.Private <= 0 || m.Private >= m.Resident {
		t.Errorf("this process has %+v, %v", m, err)
	}
}
