package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// execute runs one command line in this process and returns what it wrote on standard output.
func execute(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	c := &cli{in: strings.NewReader(""), out: &out, err: &errs}
	if code := c.run(t.Context(), args); code != exitOK {
		t.Fatalf("oxbow %s: exit code %d\n%s", strings.Join(args, " "), code, errs.String())
	}
	return out.String()
}

// delivery is a line of the file, read without any of Oxbow's code.
type delivery struct {
	Event   string          `json:"event"`
	Action  *string         `json:"action"`
	Payload json.RawMessage `json:"payload"`
}

func deliveries(t *testing.T, name string) (all []delivery) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Skip(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var d delivery
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

func TestImportedDeliveriesReadBackPayloadForPayload(t *testing.T) {
	for name, file := range map[string]string{
		"sample": filepath.Join("internal", "demo", "github-sample.ndjson"),
		"whole":  sharedData,
	} {
		t.Run(name, func(t *testing.T) {
			want := deliveries(t, file)
			if name == "whole" && len(want) != 329 {
				t.Fatalf("the file has %d deliveries, want 329", len(want))
			}
			data := filepath.Join(t.TempDir(), "data")
			execute(t, "import", "--format", "github", "--data", data, file)
			execute(t, "verify", "--data", data)
			payloads := strings.Split(strings.TrimSuffix(execute(t, "read", "--payload", "--data", data), "\n"), "\n")
			events := strings.Split(strings.TrimSuffix(execute(t, "read", "--json", "--data", data), "\n"), "\n")
			if len(payloads) != len(want) || len(events) != len(want) {
				t.Fatalf("%d payloads and %d events, want %d", len(payloads), len(events), len(want))
			}
			for i := range want {
				comparePayload(t, i, &want[i], payloads[i], events[i])
			}
		})
	}
}

func comparePayload(t *testing.T, i int, want *delivery, payload, event string) {
	t.Helper()
	if payload != string(want.Payload) {
		t.Errorf("payload %d differs:\n%.200s\nwant\n%.200s", i+1, payload, want.Payload)
	}
	var got struct {
		Type  string          `json:"type"`
		Topic string          `json:"topic"`
		Data  json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(event), &got); err != nil {
		t.Fatal(err)
	}
	topic := ""
	if want.Action != nil {
		topic = "github." + want.Event + "." + *want.Action
	}
	if got.Type != "github."+want.Event || got.Topic != topic || !bytes.Equal(got.Data, want.Payload) {
		t.Errorf("event %d: type %s, topic %q, %d bytes; want github.%s, %q, %d bytes",
			i+1, got.Type, got.Topic, len(got.Data), want.Event, topic, len(want.Payload))
	}
}
