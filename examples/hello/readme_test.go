package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/internal/doctest"
)

// TestReadmeSaysHowToUseOxbowFromACheckout pastes what README says about a program of one's own into a shell.
func TestReadmeSaysHowToUseOxbowFromACheckout(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the page is for a POSIX shell")
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	beside := t.TempDir()
	if err := os.Symlink(root, filepath.Join(beside, "oxbow")); err != nil {
		t.Fatal(err)
	}
	shell := exec.Command("sh", "-e")
	shell.Dir = beside
	shell.Env = append(os.Environ(), "GOWORK=off", "GOPROXY=off") // nothing has to be fetched
	shell.Stdin = strings.NewReader(blockWith(t, filepath.Join(root, "README.md"), "go mod init"))
	out, err := shell.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "order.placed 42\n") {
		t.Errorf("the commands end with %v and print\n%s", err, out)
	}
}

func blockWith(t *testing.T, page, command string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range doctest.Blocks(string(text)) {
		if b.Lang == "sh" && strings.Contains(b.Text, command) {
			return b.Text
		}
	}
	t.Fatalf("%s has no sh block with %q", page, command)
	return ""
}
