package schematest

import (
	"testing"

	"github.com/oxbow-events/oxbow/schema"
	"github.com/oxbow-events/oxbow/store"
)

// RoundTrip takes a sample of the records of each stored type and version round, as [schema.Check] does, and fails the test with
// what it found. The log of the test has the whole report, with the seed that samples the same records again.
func RoundTrip(t testing.TB, st *store.Store, cfg schema.CheckConfig) {
	t.Helper()
	report, err := schema.Check(t.Context(), st, cfg)
	if err != nil {
		t.Fatalf("%v (seed %d)", err, report.Seed)
	}
	t.Logf("%s", report)
	if err := report.Err(); err != nil {
		t.Errorf("%v", err)
	}
}
