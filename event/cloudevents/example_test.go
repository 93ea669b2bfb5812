package cloudevents_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
)

func Example() {
	id, _ := event.ParseID("A-1")
	r := event.Record{
		Metadata: event.Metadata{ID: id, Type: "order.placed", Source: "/shop", Tags: []string{"customer:7"}},
		Place:    event.Place{Stream: "order-42"},
		Data:     []byte(`{"Total": 1999}`),
	}
	text, err := cloudevents.Marshal(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(text))

	read, err := cloudevents.Unmarshal(text)
	fmt.Println(read.Type, read.Stream, read.Tags, err)
	// Output:
	// {"specversion":"1.0","id":"A-1","source":"/shop","type":"order.placed","stream":"order-42","tags":"customer:7","data":{"Total": 1999}}
	// order.placed order-42 [customer:7] <nil>
}

func ExampleUnmarshal_foreign() {
	r, err := cloudevents.Unmarshal([]byte(`{
		"specversion": "1.0", "id": "A234", "source": "/mycontext", "type": "com.example.someevent",
		"comexampleothervalue": 5, "datacontenttype": "application/xml", "data": "<much wow=\"xml\"/>"
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Headers["comexampleothervalue"], string(r.Data))

	line, err := cloudevents.AppendLine(nil, &r)
	fmt.Println(string(line), err)
	// Output:
	// 5 <much wow="xml"/>
	// {"specversion":"1.0","id":"A234","source":"/mycontext","type":"com.example.someevent","datacontenttype":"application/xml","comexampleothervalue":5,"data":"<much wow=\"xml\"/>"} <nil>
}

func ExampleUnmarshal_refused() {
	_, err := cloudevents.Unmarshal([]byte(`{"specversion": "1.0", "id": "1", "type": "order.placed"}`))
	fmt.Println(err)
	// Output:
	// source: is missing; every CloudEvent has specversion, id, source and type
}

func ExampleUnmarshalBatch() {
	records, err := cloudevents.UnmarshalBatch([]byte(`[
		{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"},
		{"specversion": "1.0", "id": "2", "source": "/shop", "type": "order.paid"}
	]`), 1000)
	for _, r := range records {
		fmt.Println(r.ID, r.Type)
	}
	fmt.Println(err)
	// Output:
	// 1 order.placed
	// 2 order.paid
	// <nil>
}

func ExampleAppendBatch() {
	first, _ := event.ParseID("1")
	second, _ := event.ParseID("2")
	batch, err := cloudevents.AppendBatch(nil, []event.Record{
		{Metadata: event.Metadata{ID: first, Type: "order.placed", Source: "/shop"}},
		{Metadata: event.Metadata{ID: second, Type: "order.paid", Source: "/shop"}},
	})
	fmt.Println(string(batch), err)
	// Output:
	// [{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed"},
	// {"specversion":"1.0","id":"2","source":"/shop","type":"order.paid"}] <nil>
}

func ExampleSetHeader() {
	id, _ := event.ParseID("A-1")
	r := event.Record{
		Metadata: event.Metadata{ID: id, Type: "order.placed", Source: "/shop", Subject: "Zoë’s order"},
		Data:     []byte(`{"Total": 1999}`),
	}
	header := http.Header{}
	if err := cloudevents.SetHeader(header, &r); err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		fmt.Println(name+":", header.Get(name))
	}

	read, err := cloudevents.FromHTTP(header, r.Data, 1)
	fmt.Println(read[0].Subject, err)
	// Output:
	// Ce-Id: A-1
	// Ce-Source: /shop
	// Ce-Specversion: 1.0
	// Ce-Subject: Zo%C3%AB%E2%80%99s%20order
	// Ce-Type: order.placed
	// Content-Type: application/json
	// Zoë’s order <nil>
}
