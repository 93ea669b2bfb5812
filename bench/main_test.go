package main

import (
	"encoding/json"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// TestMain is also the process of its own in which memory is measured, and that is killed.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(childMain())
	}
	os.Exit(m.Run())
}

func TestQuickRunMeasuresEveryRowAndLeavesNothing(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0") // else each process of its own sleeps for a second at its end
	dir := t.TempDir()
	var out strings.Builder
	if err := run(t.Context(), options{dir: dir, rounds: 2, quick: true}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	table := out.String()
	const number = ` +[1-9][0-9,]*( ns| µs| ms|/s| B| MiB)( +[0-9.]+)?`
	for _, w := range works {
		whole := `(?m)^` + regexp.QuoteMeta(w.name) + ` +Oxbow` + number + `.*\n +\S.*` + number + ` +(\d+\.\d\d|-)`
		if !regexp.MustCompile(whole).MatchString(table) {
			t.Errorf("there is no whole row for %q", w.name)
		}
	}
	for _, g := range grids {
		cells := strings.Repeat(` +[1-9][0-9,]* (ns|µs|ms) \([0-9.]+\)`, len(gridSubscribers)*len(gridCores()))
		if !regexp.MustCompile(regexp.QuoteMeta(g.name) + `: .*\n\nWHO .*\nOxbow` + cells).MatchString(table) {
			t.Errorf("there is no whole grid of %q", g.name)
		}
	}
	for line := range strings.Lines(table) {
		if width := utf8.RuneCountInString(line) - 1; width > 150 {
			t.Errorf("a line has %d columns: %s", width, line)
		}
	}
	for _, p := range stores() {
		if p.Missing != "" && !strings.Contains(table, "not measured: "+p.Missing) {
			t.Errorf("the table does not say that %s is missing", p.Name)
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
		"exclude each other":         {rounds: 1, quick: true, full: true},
		"no/such/folder":             {dir: "no/such/folder", rounds: 1},
	} {
		if err := run(t.Context(), o, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v returned %v, want %s", o, err, want)
		}
	}
}

func TestRatioIsTimesThePeer(t *testing.T) {
	oxbow, peer := []cost{100, 200, 400}, []cost{50, 100, 200} // Oxbow takes twice the time
	for u, want := range map[unit]float64{duration: 2, rate: 0.5, bytes: 2} {
		if ratios := ratios(oxbow, peer, u); median(ratios) != want || len(ratios) != 3 {
			t.Errorf("with unit %v the ratios are %v, want %v each", u, ratios, want)
		}
	}
}

func TestVerdictsSayWhatWasReached(t *testing.T) {
	w := work{
		name: "work", unit: bytes, limit: 480, durability: fsynced,
		targets: map[string]target{"small": atMost(1.3), "big": atLeast(3)},
	}
	results := func(oxbow cost) []result {
		of := func(name string, c cost) result { return result{contender: contender{name: name}, costs: []cost{c}} }
		return []result{
			of(oxbowName, oxbow), of("small", 100), of("big", 40), of("other", 1),
			{contender: contender{name: "weaker", durability: inMemory}, costs: []cost{10}},
		}
	}
	for oxbow, want := range map[cost]string{
		120: "work Oxbow 120 B reached fsynced; small 100 B 1.20 at most 1.3x reached fsynced; big 40 B 3.00 at least 3x reached fsynced; other 1 B 120.00 fsynced; weaker 10 B - memory",
		119: "work Oxbow 119 B reached fsynced; small 100 B 1.19 at most 1.3x reached fsynced; big 40 B 2.98 at least 3x missed fsynced; other 1 B 119.00 fsynced; weaker 10 B - memory",
		500: "work Oxbow 500 B missed fsynced; small 100 B 5.00 at most 1.3x missed fsynced; big 40 B 12.50 at least 3x reached fsynced; other 1 B 500.00 fsynced; weaker 10 B - memory",
	} {
		var out strings.Builder
		table := newTable(&out)
		table.add(w, results(oxbow))
		if err := table.print(); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(out.String()) {
			if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "WORK" {
				lines = append(lines, strings.Join(fields, " "))
			}
		}
		if got := strings.Join(lines, "; "); got != want {
			t.Errorf("the table says\n%s, want\n%s", got, want)
		}
	}
}

func TestTargetsNameContenders(t *testing.T) {
	known := map[string]bool{rawName: true, decoderName: true, smallName: true, onePublisher: true, noneParked: true}
	for _, p := range stores() {
		known[p.Name] = true
	}
	for _, w := range works {
		for name := range w.targets {
			if !known[name] {
				t.Errorf("%s has a target for %s, which is nobody", w.name, name)
			}
		}
	}
}

func TestAppenderExpectsTheHeadItLeft(t *testing.T) {
	driver := memory.New()
	defer driver.Close()
	a := newAppender(oxbowLog{store.New(driver, store.Config{})}, 0, streams/2) // two streams
	for range 3 {
		for range a.names {
			if err := a.append(t.Context(), 2); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPayloadsHave200BytesAndDecode(t *testing.T) {
	for _, payload := range payloads {
		var o order
		if err := json.Unmarshal(payload, &o); err != nil || len(payload) != 200 || o.Customer == "" {
			t.Fatalf("the payload %s has %d bytes and is %+v, %v", payload, len(payload), o, err)
		}
	}
}
