package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestQuickRunMeasuresEveryRowAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	if err := run(t.Context(), options{dir: dir, rounds: 2, quick: true}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	table := out.String()
	for _, w := range works {
		measured := `(?m)^` + regexp.QuoteMeta(w.name) + ` +[1-9][0-9,]*( ns| µs| ms|/s) +[1-9][0-9,]*( ns| µs| ms|/s) +\d+\.\d\d +\d+\.\d\d-\d+\.\d\d +`
		if !regexp.MustCompile(measured).MatchString(table) {
			t.Errorf("there is no whole row for %q", w.name)
		}
	}
	if t.Failed() {
		t.Log(table)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("the run left %v, %v", left, err)
	}
}

func TestRunChoosesRows(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), options{dir: t.TempDir(), run: "hot$", rounds: 1, quick: true}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if table := out.String(); !strings.Contains(table, "patterns, hot") || strings.Contains(table, "append") {
		t.Errorf("-run hot$ printed\n%s", table)
	}
}

func TestBadOptionsAreRefused(t *testing.T) {
	for want, o := range map[string]options{
		"-run: error parsing regexp": {run: "(", rounds: 1},
		"matches no row":             {run: "no such work", rounds: 1},
		"-rounds is 0":               {},
		"no/such/folder":             {dir: "no/such/folder", rounds: 1},
	} {
		if err := run(t.Context(), o, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v returned %v, want %s", o, err, want)
		}
	}
}

func TestRatioIsTimesThePeer(t *testing.T) {
	twice := result{{100, 200, 400}, {50, 100, 200}} // Oxbow takes twice the time
	for rate, want := range map[bool]float64{false: 2, true: 0.5} {
		if ratios := twice.ratios(rate); median(ratios) != want || len(ratios) != 3 {
			t.Errorf("with rate %t the ratios are %v, want %v each", rate, ratios, want)
		}
	}
}

func TestAppenderExpectsTheRevisionItLeft(t *testing.T) {
	driver := memory.New()
	defer driver.Close()
	a := newAppender(store.New(driver, store.Config{}), 0, streams/2) // two streams
	for range 3 {
		for range a.names {
			if err := a.append(t.Context(), 2); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPayloadHas200Bytes(t *testing.T) {
	if len(payload) != 200 {
		t.Errorf("the payload has %d bytes", len(payload))
	}
}
