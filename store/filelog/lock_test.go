package filelog_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

const holder = "oxbow serve at http://127.0.0.1:7070"

func TestSecondOpenNamesTheHolder(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, filelog.Config{Holder: holder})
	wantHeld(t, dir, os.Getpid(), "this process")
	l.Close()
	open(t, dir, filelog.Config{})
}

func TestSecondProcessIsRefusedUntilTheFirstIsKilled(t *testing.T) {
	dir := t.TempDir()
	child, out := startChild(t, "hold", dir)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("child: %q, %v", line, err)
	}
	wantHeld(t, dir, child.Process.Pid, fmt.Sprintf("process %d", child.Process.Pid))
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	l := open(t, dir, filelog.Config{})
	if got := texts(t, l); len(got) != 1 {
		t.Errorf("got %v, want the one event of the killed process", got)
	}
}

func wantHeld(t *testing.T, dir string, pid int, who string) {
	t.Helper()
	_, err := filelog.Open(dir, filelog.Config{})
	var held *filelog.InUseError
	if !errors.Is(err, store.ErrInUse) || !errors.As(err, &held) {
		t.Fatalf("Open: %v, want an InUseError", err)
	}
	if held.Dir != dir || held.PID != pid || held.Holder != holder {
		t.Errorf("got %+v, want pid %d and holder %q", held, pid, holder)
	}
	for _, part := range []string{who, holder, dir, "stop it"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message does not say %q: %v", part, err)
		}
	}
	if _, err := filelog.Verify(t.Context(), dir, nil); !errors.Is(err, store.ErrInUse) {
		t.Errorf("Verify: %v, want ErrInUse", err)
	}
}

// holdFolder is the other process: it appends one event, says so, and keeps the folder until it is killed.
func holdFolder() error {
	l, err := filelog.Open(os.Getenv("FILELOG_DIR"), filelog.Config{Holder: holder})
	if err != nil {
		return err
	}
	if _, err := l.Append(context.Background(), commit(record(1, "a"))); err != nil {
		return err
	}
	fmt.Println("holding")
	_, err = io.ReadAll(os.Stdin) // which ends with the parent
	return err
}

// startChild runs this binary in another role. It is killed at the end of the test at the latest.
func startChild(t *testing.T, role, dir string, env ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(append(os.Environ(), "FILELOG_CHILD="+role, "FILELOG_DIR="+dir), env...)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		child.Process.Kill()
		child.Wait()
	})
	return child, out
}

func TestFolderIsCreatedWithItsParentsForItsOwnerOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	open(t, dir, filelog.Config{})
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v; want mode 0700", info.Mode(), err)
	}
}

func TestOpenRefusesWhatItCannotUse(t *testing.T) {
	for _, c := range []struct {
		field string
		cfg   filelog.Config
	}{
		{"segment bytes", filelog.Config{SegmentBytes: -1}},
		{"segment bytes", filelog.Config{SegmentBytes: 1 << 40}},
		{"holder", filelog.Config{Holder: "two\nlines"}},
		{"holder", filelog.Config{Holder: strings.Repeat("x", 2000)}},
	} {
		dir := filepath.Join(t.TempDir(), "new")
		_, err := filelog.Open(dir, c.cfg)
		var invalid *event.InvalidError
		if !errors.As(err, &invalid) || invalid.Field != c.field {
			t.Errorf("%+v: got %v, want field %q refused", c.cfg, err, c.field)
		}
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%+v: the folder was created", c.cfg)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	rewrite(t, file, nil)
	if _, err := filelog.Open(file, filelog.Config{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file for a folder: got %v, want an error that names it", err)
	}
}

func TestFailedOpenLetsGoOfTheFolder(t *testing.T) {
	dir := rotated(t)
	path := segments(t, dir)[1]
	sound := contents(t, path)
	rewrite(t, path, flipped(sound, 20))
	if _, err := filelog.Open(dir, filelog.Config{}); !errors.Is(err, store.ErrDamaged) {
		t.Fatal(err)
	}
	rewrite(t, path, sound)
	open(t, dir, filelog.Config{})
}
