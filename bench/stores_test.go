package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/oxbow-events/oxbow/bench/peers"
)

func TestKeptFoldersAreFilledOnce(t *testing.T) {
	dir, kept, fills := t.TempDir(), map[string]string{}, 0
	var folders []string
	for range 2 { // rows
		e := &env{dir: dir, keptFolders: kept}
		folder, err := e.kept("streams", func(dir string) error {
			fills++
			return os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.close(); err != nil {
			t.Fatal(err)
		}
		folders = append(folders, folder)
	}
	if _, err := os.Stat(filepath.Join(folders[1], "file")); err != nil || fills != 1 || folders[0] != folders[1] {
		t.Errorf("the folders %q were filled %d times; %v", folders, fills, err)
	}
	failed := func(string) error { return context.Canceled }
	if _, err := (&env{dir: dir, keptFolders: kept}).kept("other", failed); err == nil || kept["other"] != "" {
		t.Errorf("a folder that could not be filled is kept: %v, %v", kept, err)
	}
}

func TestVariantsAreMeasuredBesideTargetsOnly(t *testing.T) {
	for _, targets := range []map[string]target{nil, {"Pebble": atLeast(3)}, {"SQLite": atLeast(3)}} {
		contenders, err := ofStores(&env{targets: targets}, func(peers.Peer) (side, error) { return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
		measured := map[string]bool{}
		for _, c := range contenders {
			measured[c.name] = true
		}
		if _, want := targets["Pebble"]; measured["Pebble, plain"] != want || !measured["Pebble"] {
			t.Errorf("with targets %v the contenders are %v", targets, measured)
		}
	}
}

func TestFolderBytesCountsFoldersBelow(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "index", "tables")
	if err := os.MkdirAll(below, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, size := range map[string]int{filepath.Join(dir, "a"): 10, filepath.Join(below, "b"): 200} {
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if size, err := folderBytes(dir); err != nil || size != 210 {
		t.Errorf("the folder has %d bytes, %v, want 210", size, err)
	}
}
