package event_test

import (
	"testing"

	"github.com/oxbow-events/oxbow/event"
)

// The example of RFC 9562, appendix A.4.
func TestDeriveMakesUUIDv5(t *testing.T) {
	namespace, err := event.ParseID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := namespace.Derive("www.example.com").String(), "2ed6657d-e927-568b-95e1-2665a8aea6a2"; got != want {
		t.Errorf("derived %s, want %s", got, want)
	}
}

func TestDerivedIDsDifferByCauseAndName(t *testing.T) {
	foreign, err := event.ParseID("delivery-17")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[event.ID]string{}
	for text, id := range map[string]event.ID{"none": {}, "foreign": foreign, "new": event.NewID(), "newer": event.NewID()} {
		for _, name := range []string{"paid", "shipped", ""} {
			derived := id.Derive(name)
			if derived != id.Derive(name) {
				t.Errorf("%s of %s is not the same the second time", name, text)
			}
			if other, ok := seen[derived]; ok {
				t.Errorf("%s of %s is also %s", name, text, other)
			}
			seen[derived] = name + " of " + text
		}
	}
}
