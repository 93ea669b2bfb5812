package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// openStore opens a folder until the function that it returns is called.
func openStore(t *testing.T, folder string) (st *store.Store, close func()) {
	t.Helper()
	driver, err := filelog.Open(folder, filelog.Config{})
	if err != nil {
		t.Fatal(err)
	}
	st = store.New(driver, store.Config{})
	return st, func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

// withTombstone returns a folder in which user-42 is deleted for good.
func withTombstone(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	st, closeStore := openStore(t, folder)
	defer closeStore()
	if _, err := st.TombstoneStream(t.Context(), "user-42"); err != nil {
		t.Fatal(err)
	}
	return folder
}

// runOxbow runs one command line in this process.
func runOxbow(ctx context.Context, stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	c := &cli{in: strings.NewReader(stdin), out: &out, err: &errs}
	code = c.run(ctx, args)
	return code, out.String(), errs.String()
}

func TestATombstonedStreamHasAnExitCodeOfItsOwn(t *testing.T) {
	folder := withTombstone(t)
	refused := func(t *testing.T, where ...string) {
		code, stdout, stderr := runOxbow(t.Context(), "", append([]string{"publish", "user.named", "--stream", "user-42"}, where...)...)
		if code != 8 || stdout != "" || !strings.Contains(stderr, `stream "user-42" was deleted for good`) ||
			strings.Count(stderr, "; nothing was written") != 1 {
			t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
		}
		code, _, stderr = runOxbow(t.Context(), "", append([]string{"publish", "user.named", "--stream", "user-42", "--expect", "none", "--json"}, where...)...)
		if code != 8 || !strings.Contains(stderr, `"kind":"tombstone","code":8`) {
			t.Errorf("with --json: exit code %d, stderr %q", code, stderr)
		}
	}
	t.Run("folder", func(t *testing.T) { refused(t, "--data", folder) })
	t.Run("server", func(t *testing.T) { refused(t, "--server", serveFolder(t, folder)) })
	st, closeStore := openStore(t, folder)
	defer closeStore()
	if head, err := st.Head(t.Context()); head != 0 || err != nil {
		t.Errorf("the newest position is %d, %v; want none", head, err)
	}
}

// serveFolder serves a folder until the test ends.
func serveFolder(t *testing.T, folder string) (url string) {
	t.Helper()
	st, closeStore := openStore(t, folder)
	srv, err := server.New(server.Config{Store: st, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv.Handler())
	t.Cleanup(func() {
		web.CloseClientConnections()
		web.Close()
		closeStore()
	})
	return web.URL
}

const usersFile = `{"specversion":"1.0","id":"1","source":"/s","type":"user.named","stream":"user-41"}
{"specversion":"1.0","id":"2","source":"/s","type":"user.named","stream":"user-42"}
{"specversion":"1.0","id":"3","source":"/s","type":"user.named","stream":"user-43"}
`

func TestALineForATombstonedStreamIsBrokenAndTheRestGoesIn(t *testing.T) {
	folder := withTombstone(t)
	code, _, stderr := runOxbow(t.Context(), usersFile, "import", "--strict", "--data", folder, "-")
	if code != 8 || !strings.Contains(stderr, "line 2: stream") {
		t.Errorf("with --strict: exit code %d, %q", code, stderr)
	}
	for way, where := range map[string][]string{"folder": {"--data", folder}, "server": {"--server", ""}} {
		t.Run(way, func(t *testing.T) {
			folder := withTombstone(t)
			if where[1] = folder; way == "server" {
				where[1] = serveFolder(t, folder)
			}
			code, stdout, stderr := runOxbow(t.Context(), usersFile, append([]string{"import", "-"}, where...)...)
			if code != 6 || stdout != "imported 2 events, 0 already there, 1 line broken\n" ||
				!strings.Contains(stderr, "line 2: ") || !strings.Contains(stderr, "deleted for good") {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}
