package schematest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
	"github.com/oxbow-events/oxbow/schema/schematest"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// The versions of an event that a program goes through.
type (
	placed struct { // as it was first
		Order string `json:"order"`
		Total int64  `json:"total"`
		Note  string `json:"note,omitempty"`
	}
	placedNoted struct { // compatible
		Order string  `json:"order"`
		Total int64   `json:"total"`
		Note  string  `json:"note,omitempty"`
		Gift  bool    `json:"gift,omitempty"`
		Mail  *string `json:"mail"`
	}
	placedBroken struct { // not compatible, without a new version
		Order    string `json:"order"`
		Total    string `json:"total"`
		Comment  string `json:"comment,omitempty"`
		Currency string `json:"currency"`
	}
	placedTwo struct{ placedBroken } // the same, as version 2
	shipped   struct {
		Order string `json:"order"`
	}
)

func (placed) EventType() string       { return "order.placed" }
func (placedNoted) EventType() string  { return "order.placed" }
func (placedBroken) EventType() string { return "order.placed" }
func (placedTwo) EventType() string    { return "order.placed" }
func (placedTwo) EventVersion() int    { return 2 }
func (shipped) EventType() string      { return "order.shipped" }

// recorder is a test that notes what is said of it.
type recorder struct {
	testing.TB
	errors []string
}

func (r *recorder) Helper()      {}
func (r *recorder) Name() string { return "TestSchemas/shop" }

func (r *recorder) Errorf(text string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(text, args...))
}
func (r *recorder) Fatalf(text string, args ...any) { r.Errorf("fatal: "+text, args...) }
func (r *recorder) Logf(string, ...any)             {}

func registry(t *testing.T, types ...any) *event.Registry {
	t.Helper()
	reg := &event.Registry{}
	for _, v := range types {
		if err := reg.RegisterType(reflect.TypeOf(v)); err != nil {
			t.Fatal(err)
		}
	}
	return reg
}

// golden runs Golden, with OXBOW_UPDATE set or not, and returns what it said.
func golden(t *testing.T, dir string, update bool, reg *event.Registry) []string {
	t.Helper()
	value := ""
	if update {
		value = "1"
	}
	t.Setenv(schematest.UpdateVariable, value)
	r := &recorder{TB: t}
	schematest.Golden(r, reg, dir)
	return r.errors
}

// passes fails the test when Golden says anything.
func passes(t *testing.T, dir string, update bool, reg *event.Registry) {
	t.Helper()
	if errs := golden(t, dir, update, reg); len(errs) > 0 {
		t.Fatalf("Golden fails:\n%s", strings.Join(errs, "\n"))
	}
}

// files returns the names and contents of a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(text)
	}
	return all
}

func contains(t *testing.T, errs []string, wants ...string) {
	t.Helper()
	text := strings.Join(errs, "\n")
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("there is no\n%s\nin\n%s", want, text)
		}
	}
}

// begun returns a folder with the copies of order.placed v1 and order.shipped v1.
func begun(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "testdata", "schemas")
	passes(t, dir, true, registry(t, placed{}, shipped{}))
	return dir
}

func TestCopiesAreMissedAndWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "testdata", "schemas")
	reg := registry(t, placed{}, shipped{})
	contains(t, golden(t, dir, false, reg),
		"order.placed v1 has no golden copy yet\norder.shipped v1 has no golden copy yet",
		"Nothing that is stored breaks by this. Write the golden copies in "+dir+" and commit them: OXBOW_UPDATE=1 go test -run '^TestSchemas$/^shop$' .")
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the variable something was written: %v", err)
	}
	passes(t, dir, true, reg)
	if got := fmt.Sprint(slices.Sorted(maps.Keys(files(t, dir)))); got != "[order.placed.v1.json order.shipped.v1.json]" {
		t.Errorf("wrote %s", got)
	}
	passes(t, dir, false, reg)
	before := files(t, dir)
	passes(t, dir, true, registry(t, shipped{}, placed{}))
	if !reflect.DeepEqual(before, files(t, dir)) {
		t.Error("written again the copies are others")
	}
}

func TestACompatibleChangeOnlyMakesTheCopyOutOfDate(t *testing.T) {
	dir := begun(t)
	reg := registry(t, placedNoted{}, shipped{})
	errs := golden(t, dir, false, reg)
	contains(t, errs, "order.placed v1 has changed, and reads all that is stored; its golden copy is out of date\n"+
		"  field \"gift\" is new and optional\n  field \"mail\" is new and optional\n\nNothing that is stored breaks by this.")
	if len(errs) != 1 || strings.Contains(errs[0], "order.shipped") {
		t.Errorf("what did not change is spoken of: %s", errs)
	}
	passes(t, dir, true, reg)
	passes(t, dir, false, reg)
}

func TestABreakingChangeFailsAndSaysHowToMendIt(t *testing.T) {
	dir := begun(t)
	before := files(t, dir)
	reg := registry(t, placedBroken{}, shipped{})
	for _, update := range []bool{false, true} {
		errs := golden(t, dir, update, reg)
		contains(t, errs, "order.placed v1 has changed so that stored events would not be read as they were meant:\n"+
			`  field "comment" is new and optional
  field "currency" is new and required; stored events lack it, and it would silently become the empty string
  field "note" is gone; what is stored in it would be lost
  field "total" was an int64 and is a string; Go does not read one as the other

What is stored stays as it is. Undo the change; or make this version 2, and lift version 1 to it:

	func (placedBroken) EventVersion() int { return 2 }

	err := reg.Upcast("order.placed", 1, func(data []byte) ([]byte, error) {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(data, &fields); err != nil {
			return nil, err
		}
		fields["comment"] = fields["note"]
		delete(fields, "note")
		fields["currency"] = json.RawMessage(`+"`\"\"`"+`) // what events without it mean
		// fields["total"] was an int64 and is a string; Go does not read one as the other: put the new form in its place
		return json.Marshal(fields)
	})

If no store anywhere holds an event of order.placed v1, delete its golden copy order.placed.v1.json instead.

Then write the golden copies in `+dir+": OXBOW_UPDATE=1 go test -run '^TestSchemas$/^shop$' .")
		if len(errs) != 1 {
			t.Errorf("there are %d failures, want one for the one type", len(errs))
		}
	}
	if !reflect.DeepEqual(before, files(t, dir)) {
		t.Error("the copy of a type that breaks was overwritten")
	}
}

func TestTheCodeToWriteIsGo(t *testing.T) {
	dir := begun(t)
	text := golden(t, dir, false, registry(t, placedBroken{}, shipped{}))[0]
	code := regexp.MustCompile(`(?m)^\t.*$|^$`).FindAllString(text, -1)
	method, rest := code[slices.IndexFunc(code, func(l string) bool { return strings.Contains(l, "func (") })], []string{}
	for _, l := range code {
		if l != method {
			rest = append(rest, l)
		}
	}
	program := "package p\n" + method + "\nfunc lift() {\n" + strings.Join(rest, "\n") + "\n}\n"
	if _, err := format.Source([]byte(program)); err != nil {
		t.Errorf("%v in\n%s", err, program)
	}
}

func TestANewVersionWithAnUpcasterPasses(t *testing.T) {
	dir := begun(t)
	before := files(t, dir)
	reg := registry(t, placedTwo{}, shipped{})
	contains(t, golden(t, dir, true, reg), "order.placed v1 may be stored, and no registered Go type has it; it is version 2 now\n\nAdd what lifts it:\n\n"+
		"\terr := reg.Upcast(\"order.placed\", 1, func(data []byte) ([]byte, error) {\n\t\t// return the bytes of version 2\n\t})")
	if err := reg.Upcast("order.placed", 1, event.Unchanged); err != nil {
		t.Fatal(err)
	}
	contains(t, golden(t, dir, false, reg), "order.placed v1 is lifted to order.placed v2; lifts.json does not say so yet")
	passes(t, dir, true, reg)
	passes(t, dir, false, reg)
	after := files(t, dir)
	if got := fmt.Sprint(slices.Sorted(maps.Keys(after))); got != "[lifts.json order.placed.v1.json order.placed.v2.json order.shipped.v1.json]" {
		t.Errorf("the folder holds %s", got)
	}
	if after["order.placed.v1.json"] != before["order.placed.v1.json"] {
		t.Error("the copy of the old version changed")
	}
	if want := "[\n  {\"from\":{\"type\":\"order.placed\",\"version\":1},\"to\":[{\"type\":\"order.placed\",\"version\":2}]}\n]\n"; after["lifts.json"] != want {
		t.Errorf("lifts.json is %s", after["lifts.json"])
	}
}

func TestANewVersionWithoutItsCopyIsOnlyMissed(t *testing.T) {
	dir := begun(t)
	reg := registry(t, placedTwo{}, shipped{})
	if err := reg.Upcast("order.placed", 1, event.Unchanged); err != nil {
		t.Fatal(err)
	}
	errs := golden(t, dir, false, reg)
	contains(t, errs, "order.placed v2 has no golden copy yet", "Nothing that is stored breaks by this.")
	if len(errs) != 1 {
		t.Errorf("got %s", errs)
	}
}

func TestAnUpcasterThatIsGoneIsMissed(t *testing.T) {
	dir := begun(t)
	reg := registry(t, placedTwo{}, shipped{})
	err := errors.Join(reg.Upcast("order.placed", 1, event.Unchanged), reg.Upcast("order.seen", 1, event.Unchanged))
	if err != nil {
		t.Fatal(err)
	}
	passes(t, dir, true, reg)
	before := files(t, dir)
	without := registry(t, placedTwo{}, shipped{})
	for _, update := range []bool{false, true} {
		contains(t, golden(t, dir, update, without),
			"order.seen v1 was lifted to order.seen v2, and that upcaster is gone\n\nStored events of it need it for ever: add it again.",
			"order.placed v1 was lifted to order.placed v2, and that upcaster is gone")
	}
	if err := without.Upcast("order.placed", 1, event.Unchanged); err != nil {
		t.Fatal(err)
	}
	errs := golden(t, dir, true, without)
	contains(t, errs, "order.seen v1 was lifted to order.seen v2, and that upcaster is gone")
	if len(errs) != 1 {
		t.Errorf("the upcaster that stayed is spoken of: %s", errs)
	}
	if !reflect.DeepEqual(before, files(t, dir)) {
		t.Error("a folder from which something broke was changed")
	}
}

func TestATypeThatVanishedFailsUnlessItIsLifted(t *testing.T) {
	dir := begun(t)
	reg := registry(t, placed{})
	contains(t, golden(t, dir, true, reg), "order.shipped v1 may be stored, and no registered Go type has it\n\n"+
		"Register its Go type, or say which type it has become:\n\n"+
		"\terr := reg.UpcastTo(event.Schema{Type: \"order.shipped\", Version: 1}, event.Schema{Type: \"its.new.name\", Version: 1}, event.Unchanged)")
	from := event.Schema{Type: "order.shipped", Version: 1}
	if err := reg.UpcastTo(from, event.Schema{Type: "order.sent", Version: 1}, event.Unchanged); err != nil {
		t.Fatal(err)
	}
	contains(t, golden(t, dir, true, reg), "order.shipped v1 may be stored and is lifted to order.sent v1, which no registered Go type has")

	reg = registry(t, placed{})
	to := []event.Schema{{Type: "order.placed", Version: 1}, {Type: "order.sent", Version: 1}}
	split := func(data []byte) (event.Schema, []byte, error) { return to[0], data, nil }
	if err := reg.UpcastSplit(from, to, split); err != nil {
		t.Fatal(err)
	}
	errs := golden(t, dir, true, reg)
	contains(t, errs, "order.shipped v1 may be stored and is lifted to order.sent v1, which no registered Go type has")
	if strings.Contains(strings.Join(errs, ""), "lifted to order.placed") {
		t.Errorf("the half of the split that is well is spoken of: %s", errs)
	}

	reg = registry(t, placed{})
	if err := reg.UpcastTo(from, to[0], event.Unchanged); err != nil {
		t.Fatal(err)
	}
	passes(t, dir, true, reg)
	passes(t, dir, false, reg)
}

func TestAVersionThatGoesBackFails(t *testing.T) {
	dir := begun(t)
	reg := registry(t, placedTwo{}, shipped{})
	if err := reg.Upcast("order.placed", 1, event.Unchanged); err != nil {
		t.Fatal(err)
	}
	passes(t, dir, true, reg)
	contains(t, golden(t, dir, true, registry(t, placed{}, shipped{})),
		"order.placed v2 may be stored, and no registered Go type has it; it is version 1 now, and versions never go back\n\n"+
			"Let EventVersion return 2 again, or a higher number with upcasters that lead to it.")
}

func TestFoldersAreReadWithCare(t *testing.T) {
	dir := begun(t)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	reg := registry(t, placed{}, shipped{})
	write("README.md", "ours")
	write("not a type.v1.json", "{")
	passes(t, dir, false, reg)

	file := filepath.Join(dir, "order.placed.v1.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write("order.placed.v1.json", string(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")))) // as git may check it out
	passes(t, dir, false, reg)
	write("order.placed.v1.json", "{")
	contains(t, golden(t, dir, true, reg), "fatal: read golden schemas in "+dir+": order.placed.v1.json: is no schema that Oxbow wrote: ")
	write("order.placed.v1.json", string(text))
	write("lifts.json", "{}")
	contains(t, golden(t, dir, true, reg), "fatal: read golden schemas in "+dir+": lifts.json: ")
}

func TestNothingRegisteredIsNoPass(t *testing.T) {
	contains(t, golden(t, t.TempDir(), true, &event.Registry{}), "no event type is registered")
}

type badEvent struct{ C chan int }

type Order_Placed struct{} //nolint:revive // to be order.placed but for its case

func (Order_Placed) EventType() string { return "Order.Placed" }

func TestTypesThatHaveNoFileOfTheirOwnAreRefused(t *testing.T) {
	contains(t, golden(t, t.TempDir(), true, registry(t, badEvent{})), "bad.event v1: schema of schematest_test.badEvent: field C: chan int cannot be written as JSON")
	contains(t, golden(t, t.TempDir(), true, registry(t, placed{}, Order_Placed{})), "differ in case only, and not every file system tells their golden files apart")
}

func TestRoundTripFailsWithWhatCheckFinds(t *testing.T) {
	st := store.New(memory.New(), store.Config{Registry: registry(t, shipped{})})
	defer st.Close()
	if _, err := st.Append(t.Context(), shipped{"1"}); err != nil {
		t.Fatal(err)
	}
	r := &recorder{TB: t}
	if schematest.RoundTrip(r, st, schema.CheckConfig{}); len(r.errors) != 0 {
		t.Errorf("a sound store fails: %s", r.errors)
	}
	if _, err := st.Append(t.Context(), event.From("order.shipped", json.RawMessage(`{"order":"1","by":"ship"}`))); err != nil {
		t.Fatal(err)
	}
	schematest.RoundTrip(r, st, schema.CheckConfig{})
	contains(t, r.errors, `field "by" is stored, and the Go type does not keep it`)
	r.errors = nil
	schematest.RoundTrip(r, st, schema.CheckConfig{Sampling: schema.Sampling{PerSchema: -1}})
	contains(t, r.errors, "fatal: check upcasters: PerSchema: is negative")
}

// euros is what the shop's OrderPlaced was; cents is the change that the documents tell of.
type euros struct {
	Order string `json:"order"`
	Euros int64  `json:"euros"`
}

func (euros) EventType() string { return "order.placed" }

// TestWhatGoldenSaysIsTheGoldenText keeps the text that docs/schema-versions.md shows.
func TestWhatGoldenSaysIsTheGoldenText(t *testing.T) {
	dir := t.TempDir()
	passes(t, dir, true, registry(t, euros{}))
	type OrderPlaced struct {
		Order string `json:"order"`
		Cents int64  `json:"cents"`
	}
	got := strings.ReplaceAll(golden(t, dir, false, registry(t, OrderPlaced{}))[0], dir, "testdata/schemas") + "\n"
	want, err := os.ReadFile(filepath.Join("testdata", "broken.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(got, "/^shop$", "") != string(bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))) {
		t.Errorf("Golden says\n%s\nwant\n%s", got, want)
	}
}
