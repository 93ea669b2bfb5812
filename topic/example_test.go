package topic_test

import (
	"fmt"

	"github.com/oxbow-events/oxbow/topic"
)

func ExampleParse() {
	p, err := topic.Parse("order.**")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"order", "order.placed", "order.item.added", "invoice.paid"} {
		fmt.Println(text, p.Match(text))
	}
	// Output:
	// order true
	// order.placed true
	// order.item.added true
	// invoice.paid false
}

func ExampleParse_mistake() {
	_, err := topic.Parse("order.place*")
	fmt.Println(err)
	// Output:
	// pattern "order.place*": at byte 11: "*" beside other characters; write * alone for one whole segment, ** for any number of them
}

func ExampleValidate() {
	fmt.Println(topic.Validate("order.placed"))
	fmt.Println(topic.Validate("order.just placed"))
	// Output:
	// <nil>
	// topic "order.just placed": at byte 10: white space U+0020; remove it, or use "-" or "_"
}

func ExampleSet() {
	var set topic.Set[string]
	add := func(text string) (remove func()) {
		p, err := topic.Parse(text)
		if err != nil {
			panic(err)
		}
		return set.Add(p, "wants "+text)
	}
	add("order.*")
	removeAll := add("**")
	add("**.placed")

	var matches []string // used again for each topic, so that matching does not allocate
	matches = set.AppendMatches(matches[:0], "order.placed")
	fmt.Printf("%q\n", matches)

	removeAll()
	matches = set.AppendMatches(matches[:0], "order.placed")
	fmt.Printf("%q\n", matches)
	// Output:
	// ["wants order.*" "wants **" "wants **.placed"]
	// ["wants order.*" "wants **.placed"]
}
