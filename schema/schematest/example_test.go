package schematest_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
	"github.com/oxbow-events/oxbow/schema/schematest"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// printer stands for the *testing.T that a test has. It prints the first line of what is said.
type printer struct{ testing.TB }

func (printer) Helper()                     {}
func (printer) Name() string                { return "TestSchemas" }
func (printer) Context() context.Context    { return context.Background() }
func (printer) Logf(string, ...any)         {}
func (p printer) Fatalf(f string, a ...any) { p.Errorf(f, a...) }
func (printer) Errorf(f string, args ...any) {
	fmt.Println(strings.Split(fmt.Sprintf(f, args...), "\n")[0])
}

func ExampleGolden() {
	var t printer // in a test: func TestSchemas(t *testing.T)
	dir, err := os.MkdirTemp("", "schemas")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	type OrderPaid struct{ Order string }
	reg := &event.Registry{}
	if err := event.Register[OrderPaid](reg); err != nil {
		panic(err)
	}
	schematest.Golden(t, reg, dir)
	// Output:
	// order.paid v1 has no golden copy yet
}

func ExampleRoundTrip() {
	var t printer // in a test: func TestStoredEventsAreRead(t *testing.T)
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	if err := register(st.Registry()); err != nil {
		panic(err)
	}
	_, err := st.Append(context.Background(), event.From("order.closed", map[string]any{"order": "1", "by": "ann"}))
	if err != nil {
		panic(err)
	}
	_, err = st.Append(context.Background(), event.From("order.shipped", map[string]any{"order": "1"}))
	if err != nil {
		panic(err)
	}
	schematest.RoundTrip(t, st, schema.CheckConfig{})
	// Output:
	// order.shipped v1: 1 of 1 records sampled
}
