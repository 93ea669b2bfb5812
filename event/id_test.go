package event_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

const nilUUID = "00000000-0000-0000-0000-000000000000"

func TestNewIDIsAVersion7UUID(t *testing.T) {
	layout := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for range 1000 {
		id := event.NewID()
		if !layout.MatchString(id.String()) {
			t.Fatalf("%s is no UUIDv7", id)
		}
	}
}

func TestNewIDCarriesItsMillisecond(t *testing.T) {
	before := time.Now().Truncate(time.Millisecond)
	at, ok := event.NewID().Time()
	if !ok || at.Before(before) || at.After(time.Now().Add(time.Second)) || at.Location() != time.UTC {
		t.Errorf("the id's time is %v, %v; want about %v in UTC", at, ok, before)
	}
}

func TestTimeOfAKnownUUIDv7(t *testing.T) {
	id := parse(t, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f") // RFC 9562, appendix A.6
	if at, ok := id.Time(); !ok || !at.Equal(time.UnixMilli(0x017f22e279b0)) {
		t.Errorf("got %v, %v; want 2022-02-22 19:22:22 UTC", at, ok)
	}
	for _, text := range []string{"", nilUUID, "order-42", "c232ab00-9414-11ec-b3c8-9f6bdeced846", "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"} {
		if at, ok := parse(t, text).Time(); ok || !at.IsZero() {
			t.Errorf("%q has the time %v, want none", text, at)
		}
	}
}

func TestNewIDIncreasesAcrossGoroutines(t *testing.T) {
	const makers, each = 8, 2000
	var made [makers][]event.ID
	var making sync.WaitGroup
	for i := range makers {
		making.Go(func() {
			for range each {
				made[i] = append(made[i], event.NewID())
			}
		})
	}
	making.Wait()
	seen := map[event.ID]bool{}
	for _, ids := range made {
		last := ""
		for _, id := range ids {
			if id.String() <= last {
				t.Fatalf("%s came after %s", id, last)
			}
			last = id.String()
			seen[id] = true
		}
	}
	if len(seen) != makers*each {
		t.Errorf("%d different ids, want %d", len(seen), makers*each)
	}
	if next := event.NewID(); seen[next] {
		t.Error("an id was made twice")
	}
}

// TestIDMadeAfterAnotherIsGreater hands ids from one goroutine to another, so that each is surely made after the last.
func TestIDMadeAfterAnotherIsGreater(t *testing.T) {
	there, back := make(chan event.ID), make(chan event.ID)
	go func() {
		defer close(back)
		for range there {
			back <- event.NewID()
		}
	}()
	defer close(there)
	for range 1000 {
		first := event.NewID()
		there <- first
		if second := <-back; second.String() <= first.String() {
			t.Fatalf("%s was made after %s", second, first)
		}
	}
}

func TestIDComesBackLetterForLetter(t *testing.T) {
	for _, text := range []string{
		"", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "ffffffff-ffff-ffff-ffff-ffffffffffff", nilUUID,
		"017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "017f22e279b07cc398c4dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
		"017f22e2-79b0-7cc3-98c4-dc0c0c0739", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}", "1", " 1 ", "order/42", "日本", strings.Repeat("x", 255),
	} {
		id := parse(t, text)
		if id.String() != text {
			t.Errorf("%q came back as %q", text, id)
		}
		if id.IsZero() != (text == "") {
			t.Errorf("IsZero of %q is %v", text, id.IsZero())
		}
		if appended, err := id.AppendText([]byte("id=")); string(appended) != "id="+text || err != nil {
			t.Errorf("AppendText of %q gives %q, %v", text, appended, err)
		}
		if again := parse(t, text); again != id {
			t.Errorf("%q parsed twice gives two ids", text)
		}
	}
}

func TestBytesAreThoseOfAUUID(t *testing.T) {
	id := parse(t, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
	b, ok := id.Bytes()
	if !ok || b[0] != 0x01 || b[15] != 0x8f || event.UUID(b) != id {
		t.Errorf("got %x, %v, and back %v", b, ok, event.UUID(b))
	}
	for _, text := range []string{"", nilUUID, "order-42"} {
		if b, ok := parse(t, text).Bytes(); ok {
			t.Errorf("%q has the bytes %x, want none", text, b)
		}
	}
}

func TestNilUUIDIsNotTheZeroID(t *testing.T) {
	id := event.UUID([16]byte{})
	if id.IsZero() || id.String() != nilUUID || id != parse(t, nilUUID) {
		t.Errorf("the nil UUID is %q, zero: %v", id, id.IsZero())
	}
}

func TestBadIDsAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb":                   `id: has the control character "\n" at byte 1; remove it`,
		"\xff":                   `id: is not UTF-8: "\xff"`,
		strings.Repeat("x", 256): "id: is 256 bytes long, the limit is 255",
	} {
		id, err := event.ParseID(text)
		if !errors.Is(err, event.ErrInvalid) || err.Error() != want || !id.IsZero() {
			t.Errorf("ParseID(%.20q) gives %q, %v; want %s", text, id, err, want)
		}
		kept := parse(t, "kept")
		if err := kept.UnmarshalText([]byte(text)); err == nil || kept.String() != "kept" {
			t.Errorf("UnmarshalText(%.20q) gives %v and leaves %q", text, err, kept)
		}
	}
}

func TestIDInJSONIsItsText(t *testing.T) {
	type pair struct{ A, B event.ID }
	in := pair{A: event.NewID(), B: parse(t, "order/42")}
	encoded, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"A":"` + in.A.String() + `","B":"order/42"}`; string(encoded) != want {
		t.Errorf("got %s, want %s", encoded, want)
	}
	var out pair
	if err := json.Unmarshal(encoded, &out); err != nil || out != in {
		t.Errorf("got %v, %v; want %v", out, err, in)
	}
}

func FuzzParseID(f *testing.F) {
	for _, seed := range []string{"", "1", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", nilUUID, "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "a\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := event.ParseID(text)
		if err != nil {
			if !errors.Is(err, event.ErrInvalid) || !id.IsZero() {
				t.Fatalf("%q gives %q, %v", text, id, err)
			}
			return
		}
		if id.String() != text {
			t.Fatalf("%q came back as %q", text, id)
		}
		if b, ok := id.Bytes(); ok && event.UUID(b) != id {
			t.Fatalf("%q is not the id of its own bytes", text)
		}
	})
}

func parse(t *testing.T, text string) event.ID {
	t.Helper()
	id, err := event.ParseID(text)
	if err != nil {
		t.Fatalf("ParseID(%q): %v", text, err)
	}
	return id
}
