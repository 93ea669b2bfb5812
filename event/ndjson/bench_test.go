package ndjson_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/oxbow-events/oxbow/event/ndjson"
)

func BenchmarkGitHub(b *testing.B) {
	text, err := os.ReadFile(sample)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r, err := ndjson.NewReader(bytes.NewReader(text), ndjson.GitHub(), ndjson.Config{})
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.All() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
