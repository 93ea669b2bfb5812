package ndjson_test

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/ndjson"
)

func ExampleNewReader() {
	input := `{"kind": "placed", "order": {"id": 42}, "country": "de", "total": 1999}
{"kind": "placed", "order": {"id"
{"kind": "signed.up", "customer": "zoë"}
`
	r, err := ndjson.NewReader(strings.NewReader(input), ndjson.Mapping{
		Type:   []string{"shop.{kind}"},
		Stream: []string{"order-{order.id}", "customer-{customer}"},
		Tags:   []string{"country:{country}"},
	}, ndjson.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for record, err := range r.All() {
		var broken *ndjson.LineError
		switch {
		case errors.As(err, &broken):
			fmt.Println("skipped", broken)
		case err != nil:
			fmt.Println(err) // the input's, and the end
		default:
			fmt.Println(record.Type, record.Stream, record.Tags, string(record.Data))
		}
	}
	// Output:
	// shop.placed order-42 [country:de] {"kind": "placed", "order": {"id": 42}, "country": "de", "total": 1999}
	// skipped line 2: JSON: the text ends where a colon should be at byte 33
	// shop.signed.up customer-zoë [] {"kind": "signed.up", "customer": "zoë"}
}

func ExampleGitHub() {
	input := `{"event": "star", "action": "created", "payload": {"repository": {"full_name": "octo-org/octo-repo"}, "sender": {"login": "octocat"}}}`
	r, _ := ndjson.NewReader(strings.NewReader(input), ndjson.GitHub(), ndjson.Config{})
	for record, err := range r.All() {
		fmt.Println(record.Type, record.Topic, record.Stream, err)
		fmt.Println(strings.Join(record.Tags, " "))
	}
	// Output:
	// github.star github.star.created repo-octo-org/octo-repo <nil>
	// repo:octo-org/octo-repo sender:octocat action:created
}

func ExampleNewCloudEventsReader() {
	input := `{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}
{"specversion": "1.0", "id": "2", "type": "order.placed"}
`
	r, _ := ndjson.NewCloudEventsReader(strings.NewReader(input), ndjson.Config{})
	for record, err := range r.All() {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(record.ID, record.Type)
	}
	// Output:
	// 1 order.placed
	// line 2: source: is missing; every CloudEvent has specversion, id, source and type
}

func ExampleWrite() {
	id, _ := event.ParseID("1")
	records := func(yield func(event.Record, error) bool) {
		yield(event.Record{Metadata: event.Metadata{ID: id, Type: "order.placed", Source: "/shop"}, Data: []byte("{\n  \"Total\": 1999\n}")}, nil)
	}
	n, err := ndjson.Write(os.Stdout, records)
	fmt.Println(n, err)
	// Output:
	// {"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","data":{"Total":1999}}
	// 1 <nil>
}
