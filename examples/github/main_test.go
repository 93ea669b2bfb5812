package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
	"github.com/oxbow-events/oxbow/store/memory"
)

func Example() {
	driver := memory.New()
	defer driver.Close()
	if err := run(context.Background(), driver, bytes.NewReader(sample), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// announced: Codertocat/Hello-World has released 0.0.1 (attempt 3)
	// imported 73 events, 0 were there already
	//
	// REPOSITORY                  EVENTS  PRS OPEN  CLOSED  MERGED  TIME TO MERGE  ISSUES OPEN  COMMITS  MOST FREQUENT TYPES
	// (no repository)             12      0         0       0       -              0            0        organization 2, github_app_authorization 1, installation 1, 8 more
	// Codertocat/Hello-World      48      0         1       0       -              1            2        issues 3, push 3, workflow_job 3, 32 more
	// Codertocat/hello-world-npm  1       0         0       0       -              0            0        package 1
	// Octocoders/Hello-World      5       0         0       0       -              0            0        repository 2, ping 1, team 1, 1 more
	// electron/electron           1       0         0       0       -              0            0        check_run 1
	// octo-org/octo-repo          5       0         0       0       -              0            0        branch_protection_rule 1, discussion_comment 1, merge_group 1, 2 more
	// wolfy1339/pika-pack         1       0         0       0       -              0            0        dependabot_alert 1
	//
	// rebuilt from the first event: the same read model, byte for byte (1989 bytes)
}

// inputs are the sample and, where the checkout has it beside it, the whole file that the sample is from.
func inputs(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{"sample": sample}
	all, err := os.ReadFile("../../../shared/data/github-webhooks.ndjson")
	switch {
	case err == nil:
		files["all"] = all
	case !errors.Is(err, fs.ErrNotExist):
		t.Fatal(err)
	}
	return files
}

// process runs the program over deliveries and returns the read model and what was printed.
func process(t *testing.T, driver store.Driver, deliveries []byte) (map[string]Repository, string) {
	t.Helper()
	var out strings.Builder
	if err := run(t.Context(), driver, bytes.NewReader(deliveries), &out); err != nil {
		t.Fatal(err)
	}
	p, err := newRepositories(store.New(driver, store.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	model := map[string]Repository{}
	for doc, err := range p.All(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		model[doc.Key] = doc.Value
	}
	return model, out.String()
}

func newMemory(t *testing.T) *memory.Memory {
	driver := memory.New()
	t.Cleanup(func() { driver.Close() })
	return driver
}

func TestSampleIsThatOfTheImport(t *testing.T) {
	want, err := os.ReadFile("../../event/ndjson/testdata/github-sample.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sample, want) {
		t.Error("sample.ndjson differs from event/ndjson/testdata/github-sample.ndjson; copy it, and its NOTICE, anew")
	}
}

func TestStoredPayloadsAreThoseOfTheFile(t *testing.T) {
	for label, deliveries := range inputs(t) {
		driver := newMemory(t)
		process(t, driver, deliveries)
		want := parse(t, deliveries)
		for r, err := range driver.Read(t.Context(), store.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			if d := want[0]; r.Type != "github."+d.Event || !bytes.Equal(r.Data, d.Payload) {
				t.Fatalf("%s: at position %d stands %s with other data than line %[2]d has", label, r.Position, r.Type)
			}
			want = want[1:]
		}
		if len(want) > 0 {
			t.Errorf("%s: the last %d events are missing", label, len(want))
		}
	}
}

func TestEachReleaseIsAnnouncedOnceAtTheThirdAttempt(t *testing.T) {
	for label, deliveries := range inputs(t) {
		var want []string
		for _, d := range parse(t, deliveries) {
			if d.Event == "release" && d.Action == "published" {
				want = append(want, fmt.Sprintf("announced: %s has released %s (attempt 3)", d.repository(t), d.tag(t)))
			}
		}
		_, out := process(t, newMemory(t), deliveries)
		var got []string
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "announced: ") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		if !slices.Equal(got, want) || len(want) == 0 {
			t.Errorf("%s: got %q, want %q", label, got, want)
		}
	}
}

func TestSecondRunRemembersTheFirst(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	var models [2]map[string]Repository
	for i, begin := range []string{"announced: ", "imported 0 events, 73 were there already\n"} {
		driver, err := filelog.Open(dir, filelog.Config{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		var out string
		models[i], out = process(t, driver, sample)
		if err := driver.Close(); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(out, begin) {
			t.Errorf("run %d printed %s, want it to begin with %q", i+1, out, begin)
		}
	}
	same(t, models[1], models[0])
}

func TestBrokenLineIsNamed(t *testing.T) {
	broken := append(slices.Clone(sample), "{\n"...)
	err := run(t.Context(), newMemory(t), bytes.NewReader(broken), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "line 74") {
		t.Errorf("run returned %v, want line 74 to be named", err)
	}
}

func TestRebuildThatDiffersIsAnError(t *testing.T) {
	st := store.New(newMemory(t), store.Config{})
	for range 2 {
		if _, err := st.Append(t.Context(), event.From("github.ping", nil)); err != nil {
			t.Fatal(err)
		}
	}
	p, err := projection.New[Repository](st, "forgetful", projection.Config{})
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	projection.OnAny(p, func(ctx context.Context, docs *projection.Docs[Repository], _ event.Record) error {
		calls++ // which no replay repeats
		return docs.Update(ctx, "a/b", func(repo *Repository) { repo.Commits = calls })
	})
	running, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(running) }()
	err = p.WaitFor(t.Context(), 2)
	stop()
	if err = errors.Join(err, <-ended); err != nil {
		t.Fatal(err)
	}
	if err := rebuild(t.Context(), io.Discard, p); err == nil || !strings.Contains(err.Error(), "differs") {
		t.Errorf("rebuild returned %v, want that it differs", err)
	}
}
