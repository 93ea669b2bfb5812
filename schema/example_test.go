package schema_test

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/schema"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

// OrderShipped is an event whose golden copy ExampleReview knows.
type OrderShipped struct {
	Order string `json:"order"`
	By    string `json:"by"`
}

func ExampleReview() {
	reg := &event.Registry{}
	if err := event.Register[OrderShipped](reg); err != nil {
		panic(err)
	}
	golden, err := schema.ReadGolden(fstest.MapFS{ // os.DirFS("testdata/schemas")
		"order.shipped.v1.json": {Data: []byte(`{"type":"object","properties":{"order":{"type":"string"}},"required":["order"]}`)},
	})
	if err != nil {
		panic(err)
	}
	findings, err := schema.Review(reg, golden)
	for _, f := range findings {
		fmt.Println(f.Breaking, f.Schema, f.Changes[0])
	}
	fmt.Println(err)
	// Output:
	// true order.shipped v1 field "by" is new and required; stored events lack it, and it would silently become the empty string
	// <nil>
}

func ExampleCurrent() {
	reg := &event.Registry{}
	if err := event.Register[OrderShipped](reg); err != nil {
		panic(err)
	}
	current, err := schema.Current(reg)
	for s := range current.Schemas {
		fmt.Println(schema.FileOf(s), err)
	}
	// Output:
	// order.shipped.v1.json <nil>
}

func ExampleReadGolden() {
	golden, err := schema.ReadGolden(fstest.MapFS{
		"order.placed.v1.json": {Data: []byte(`{"type":"object"}`)},
		"order.placed.v2.json": {Data: []byte(`{"type":"object"}`)},
		"lifts.json":           {Data: []byte(`[{"from":{"type":"order.placed","version":1},"to":[{"type":"order.placed","version":2}]}]`)},
	})
	fmt.Println(golden.Newest()["order.placed"], golden.ReadAs(event.Schema{Type: "order.placed", Version: 1}), err)
	// Output:
	// order.placed v2 [order.placed v2] <nil>
}

func ExampleLiftsText() {
	var reg event.Registry
	if err := reg.Upcast("order.placed", 1, event.Unchanged); err != nil {
		panic(err)
	}
	text, err := schema.LiftsText(reg.Lifts())
	fmt.Print(string(text))
	fmt.Println(err)
	// Output:
	// [
	//   {"from":{"type":"order.placed","version":1},"to":[{"type":"order.placed","version":2}]}
	// ]
	// <nil>
}

func ExampleSample() {
	ctx := context.Background()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	for range 1000 {
		if _, err := st.Append(ctx, OrderShipped{Order: "42"}); err != nil {
			panic(err)
		}
	}
	samples, seed, err := schema.Sample(ctx, st, schema.Sampling{PerSchema: 10, Seed: 7})
	fmt.Println(samples[0].Schema, samples[0].Records, len(samples[0].Sample), seed, err)
	// Output:
	// order.shipped v1 1000 10 7 <nil>
}
