package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"oxbow": main})
}

// TestScripts runs testdata/script, one file for each topic. The commands that are ours are in process_test.go.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Deadline:            time.Now().Add(2 * time.Minute),
		RequireUniqueNames:  true,
		Setup:               setup,
		Condition:           condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":   exits,
			"start":   start,
			"await":   await,
			"signal":  signalProcess,
			"ends":    ends,
			"lines":   lines,
			"replace": replace,
			"fill":    fill,
			"park":    park,
			"spoil":   spoil,
		},
	})
}
