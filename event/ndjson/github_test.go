package ndjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/ndjson"
)

const sample = "testdata/github-sample.ndjson"

func TestTheSampleGoesInWhole(t *testing.T) { expectWhole(t, sample, 73) }

func TestTheWholeRealFileGoesIn(t *testing.T) {
	const file = "../../../shared/data/github-webhooks.ndjson"
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the whole file is not beside this checkout; the sample in testdata is read in any case")
	}
	expectWhole(t, file, 329)
}

// delivery is one line, as encoding/json reads it.
type delivery struct {
	Event   string          `json:"event"`
	Action  *string         `json:"action"`
	Payload json.RawMessage `json:"payload"`
}

// expectWhole compares the records of a file with what encoding/json reads in it.
func expectWhole(t *testing.T, file string, count int) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
	r, err := ndjson.NewReader(bytes.NewReader(text), ndjson.GitHub(), ndjson.Config{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[event.ID]bool{}
	for record, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		var want delivery
		if err := json.Unmarshal(lines[len(seen)], &want); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(record.Data, want.Payload) {
			t.Errorf("line %d: the payload is not what it was", r.Line())
		}
		topic := "github." + want.Event
		if want.Action != nil {
			topic += "." + *want.Action
		}
		if record.Type != "github."+want.Event || record.RoutingKey() != topic || record.Source != "https://github.com" {
			t.Errorf("line %d: type %s, topic %s, source %s", r.Line(), record.Type, record.RoutingKey(), record.Source)
		}
		seen[record.ID] = true
	}
	if len(seen) != count || len(lines) != count {
		t.Errorf("%d different records of %d lines, want %d", len(seen), len(lines), count)
	}
}

func TestGitHubDeliveriesGoToTheStreamOfWhatTheyAreAbout(t *testing.T) {
	for _, c := range []struct{ line, stream, topic, tags string }{
		{
			`{"event":"issues","action":"opened","payload":{"repository":{"full_name":"o/r"},"organization":{"login":"o"},"sender":{"login":"s"}}}`,
			"repo-o/r", "github.issues.opened", "repo:o/r org:o sender:s action:opened",
		},
		{
			`{"event":"organization","action":"renamed","payload":{"organization":{"login":"o"},"sender":{"login":"s"}}}`,
			"org-o", "github.organization.renamed", "org:o sender:s action:renamed",
		},
		{
			`{"event":"installation","action":"created","payload":{"installation":{"account":{"login":"a"}},"sender":{"login":"s"}}}`,
			"installation-a", "github.installation.created", "sender:s action:created",
		},
		{`{"event":"security_advisory","action":null,"payload":{}}`, "github-security_advisory", "github.security_advisory", ""},
	} {
		r, err := one(t, ndjson.GitHub(), c.line)
		if err != nil || r.Stream != c.stream || r.RoutingKey() != c.topic || strings.Join(r.Tags, " ") != c.tags {
			t.Errorf("stream %s, topic %s, tags %s, %v, want %+v", r.Stream, r.RoutingKey(), r.Tags, err, c)
		}
	}
}
