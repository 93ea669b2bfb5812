package schema_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type placed struct {
	Order string    `json:"order"`
	Cents int64     `json:"cents"`
	At    time.Time `json:"at"`
	Lines []line    `json:"lines,omitempty"`
	Note  *string   `json:"note,omitempty"`
	Rate  float64   `json:"rate,omitempty"`
}

type line struct {
	Name string `json:"name"`
}

func (placed) EventType() string { return "order.placed" }
func (placed) EventVersion() int { return 2 }

// forgetful is not the same after it was written and read.
type forgetful struct {
	Count int `json:"-"`
	Text  string
}

func (f *forgetful) UnmarshalJSON(text []byte) error {
	f.Count = len(text)
	return json.Unmarshal(text, &f.Text)
}

func (f forgetful) MarshalJSON() ([]byte, error) { return json.Marshal(fmt.Sprint(f.Text, f.Count)) }

// shop is a store whose program knows order.placed v2, and v1 through an upcaster.
func shop(t *testing.T) *store.Store {
	t.Helper()
	st := store.New(memory.New(), store.Config{})
	t.Cleanup(func() { _ = st.Close() })
	err := errors.Join(
		event.Register[placed](st.Registry()),
		event.Register[forgetful](st.Registry()),
		st.Registry().Upcast("order.placed", 1, func(data []byte) ([]byte, error) {
			if string(data) == `"odd"` {
				panic("no object")
			}
			return []byte(strings.ReplaceAll(string(data), `"total"`, `"cents"`)), nil
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// put stores records of a type and version.
func put(t *testing.T, st *store.Store, name string, version int, texts ...string) {
	t.Helper()
	var c store.Commit
	for _, text := range texts {
		r := event.Record{Metadata: event.Metadata{Type: name, Version: version}, Data: []byte(text)}
		r.Stream = "s"
		c.Events = append(c.Events, r)
	}
	if _, err := st.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, st *store.Store, cfg schema.CheckConfig) schema.Report {
	t.Helper()
	report, err := schema.Check(t.Context(), st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestASoundStoreHasNothingToReport(t *testing.T) {
	st := shop(t)
	note := "n"
	_, err := st.AppendTo(t.Context(), "s", []any{
		placed{"1", 2, time.Now(), []line{{"a"}}, &note, 0.1}, placed{}, placed{At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600))},
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, st, "order.placed", 1, `{"order":"1","total":9007199254740993,"at":"2026-01-02T03:04:05+00:00"}`,
		`{"ORDER":"1","total":1.0e2,"at":"2026-01-02T03:04:05.000Z","note":null,"lines":[],"rate":0}`)
	put(t, st, "order.placed", 2, `{"order":"ä\u00e4","rate":1.50,"cents":1}`)
	report := check(t, st, schema.CheckConfig{})
	// 1.0e2 is no int64 to Go.
	if err := report.Err(); err == nil || report.Stored[0].Failed != 1 || len(report.Stored[0].Lost) != 0 || !report.Stored[1].OK() {
		t.Errorf("got %v", report)
	}
	if got := report.Stored[1].String(); got != "order.placed v2: 4 of 4 records sampled: ok" {
		t.Errorf("got %s", got)
	}
}

func TestWhatTheGoTypeDoesNotKeepIsReported(t *testing.T) {
	st := shop(t)
	put(t, st, "order.placed", 2,
		`{"order":"1","legacy":{"a":1},"lines":[{"name":"x","price":0},{"name":"y"}],"rate":0.12345678901234567890123}`,
		`{"order":"2","legacy":null}`)
	report := check(t, st, schema.CheckConfig{})
	want := `order.placed v2: 2 of 2 records sampled
  field "legacy" is stored, and the Go type does not keep it: in 2 of the sampled records, first at position 1 in "s"
  field "lines[].price" is stored, and the Go type does not keep it: in 1 of the sampled records, first at position 1 in "s"
  field "rate" comes back as another value: in 1 of the sampled records, first at position 1 in "s"`
	if got := report.Stored[0].String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	report = check(t, st, schema.CheckConfig{MayLose: map[string][]string{"order.placed": {"legacy", "lines", "rate"}}})
	if err := report.Err(); err != nil {
		t.Errorf("what may be lost is reported: %v", err)
	}
	report = check(t, st, schema.CheckConfig{MayLose: map[string][]string{"order.placed": {"leg", "lines[].pri", "ra"}, "other": {"legacy"}}})
	if got := len(report.Stored[0].Lost); got != 3 {
		t.Errorf("%d losses are reported, want 3: the beginning of a name is no field", got)
	}
}

func TestWhatCannotBeTakenRoundIsReportedByPosition(t *testing.T) {
	st := shop(t)
	put(t, st, "order.placed", 1, `{"order":1}`, `"odd"`, `{}`)
	put(t, st, "order.placed", 3, `{}`)
	put(t, st, "forgetful", 1, `"abc"`)
	report := check(t, st, schema.CheckConfig{})
	text := report.Err().Error()
	for _, want := range []string{
		`forgetful v1: 1 of 1 records sampled`,
		`position 5 in "s": schema_test.forgetful is not the same after it was written and read again: first "abc5", then "abc56"`,
		`order.placed v1: 3 of 3 records sampled, read as order.placed v2`,
		`position 1 in "s": decode order.placed version 2 into schema_test.placed: json: cannot unmarshal number into Go struct field placed.order of type string`,
		`position 2 in "s": panicked: no object`,
		`position 4 in "s": decode order.placed: version: is 3, and this program's schema_test.placed knows versions up to 2; deploy the newer program here too`,
		fmt.Sprintf(`(seed %d)`, report.Seed),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q:\n%s", want, text)
		}
	}
}

func TestTypesThatAreRegisteredNowhereAreReported(t *testing.T) {
	st := shop(t)
	put(t, st, "order.lost", 1, `{}`)
	put(t, st, "order.gone", 1, `{}`)
	put(t, st, "other.program", 1, `{}`)
	err := st.Registry().UpcastTo(event.Schema{Type: "order.gone", Version: 1}, event.Schema{Type: "order.missing", Version: 1}, event.Unchanged)
	if err != nil {
		t.Fatal(err)
	}
	report := check(t, st, schema.CheckConfig{Ignore: []string{"other.program"}})
	var got []string
	for _, s := range report.Stored {
		got = append(got, fmt.Sprint(s.Schema, s.ReadAs, s.Unregistered))
	}
	if want := "[order.gone v1 [order.missing v1] [order.missing] order.lost v1 [order.lost v1] [order.lost]]"; fmt.Sprint(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if report.Err() == nil {
		t.Error("a type that is registered nowhere is no error")
	}
	if err := check(t, st, schema.CheckConfig{Ignore: []string{"other.program", "order.lost", "order.missing"}}).Err(); err != nil {
		t.Errorf("ignored types are reported: %v", err)
	}
}

func TestReportsAreBounded(t *testing.T) {
	st := shop(t)
	for i := range 30 {
		put(t, st, "order.placed", 2, fmt.Sprintf(`{"f%02d":1}`, i), `{"order":7}`)
	}
	s := check(t, st, schema.CheckConfig{}).Stored[0]
	if s.Failed != 30 || len(s.Failures) != 10 || len(s.Lost) != 10 || s.More != 20 {
		t.Errorf("%d failed, %d of them told; %d losses and %d more", s.Failed, len(s.Failures), len(s.Lost), s.More)
	}
	if text := s.String(); !strings.Contains(text, "and 20 more records failed") || !strings.Contains(text, "and 20 more losses") {
		t.Errorf("the report hides how many there are: %s", text)
	}
}

func TestTheSampleIsBoundedSpreadAndRepeatable(t *testing.T) {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	for range 40 {
		put(t, st, "many", 1, make25()...)
	}
	put(t, st, "rare", 7, `{}`)
	counted := make([]int, 10)
	for seed := range uint64(200) {
		samples, used, err := schema.Sample(t.Context(), st, schema.Sampling{PerSchema: 20, Seed: seed + 1})
		if err != nil || used != seed+1 || len(samples) != 2 {
			t.Fatalf("%d samples with seed %d, %v", len(samples), used, err)
		}
		many, rare := samples[0], samples[1]
		if len(many.Sample) != 20 || many.Records != 1000 || many.First != 1 || many.Last != 1000 || many.Sample[0].Position != 1 || many.Sample[19].Position != 1000 {
			t.Fatalf("of %d records from %d to %d, %d are sampled", many.Records, many.First, many.Last, len(many.Sample))
		}
		if rare.Schema != (event.Schema{Type: "rare", Version: 7}) || len(rare.Sample) != 1 {
			t.Errorf("got %v of the rare type", rare)
		}
		for _, r := range many.Sample[1:19] {
			counted[(r.Position-1)/100]++
		}
		again, _, err := schema.Sample(t.Context(), st, schema.Sampling{PerSchema: 20, Seed: seed + 1})
		if err != nil || !reflect.DeepEqual(again, samples) {
			t.Fatal("the same seed samples other records")
		}
	}
	for tenth, n := range counted { // 360 are expected, with a deviation of 18
		if n < 270 || n > 450 {
			t.Errorf("tenth %d of the log was sampled %d times in 200 rounds, want about 360: %v", tenth, n, counted)
		}
	}
}

func make25() []string {
	texts := make([]string, 25)
	for i := range texts {
		texts[i] = `{}`
	}
	return texts
}

func TestSampleRefusesAndPassesOnErrors(t *testing.T) {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	if _, _, err := schema.Sample(t.Context(), st, schema.Sampling{PerSchema: -1}); !errors.Is(err, event.ErrInvalid) {
		t.Errorf("a negative PerSchema: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	put(t, st, "a", 1, `{}`)
	if report, err := schema.Check(ctx, st, schema.CheckConfig{}); !errors.Is(err, context.Canceled) || report.Seed == 0 {
		t.Errorf("a cancelled check: %v, %v", report, err)
	}
}

func ExampleCheck() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	type OrderPaid struct{ Order string }
	if err := event.Register[OrderPaid](st.Registry()); err != nil {
		panic(err)
	}
	_, err := st.Append(ctx, event.From("order.paid", map[string]any{"Order": "42", "Tip": 100}))
	if err != nil {
		panic(err)
	}
	report, err := schema.Check(ctx, st, schema.CheckConfig{Sampling: schema.Sampling{Seed: 1}})
	fmt.Print(report)
	fmt.Println(err)
	// Output:
	// order.paid v1: 1 of 1 records sampled
	//   field "Tip" is stored, and the Go type does not keep it: in 1 of the sampled records, first at position 1 in "order.paid"
	// seed 1
	// <nil>
}
