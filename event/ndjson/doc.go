// Package ndjson reads records from lines of JSON: any lines, through a [Mapping] of their fields, or CloudEvents; and writes
// records as lines of CloudEvents.
//
//	r, err := ndjson.NewReader(file, ndjson.Mapping{
//		Type:   []string{"shop.{kind}"},
//		Stream: []string{"order-{order.id}", "customer-{customer.id}"},
//		Tags:   []string{"country:{address.country}"},
//		Time:   []string{"{at}"},
//	}, ndjson.Config{})
//	…
//	for record, err := range r.All() { … }
//
// # Templates
//
// A template is text with fields of the line in braces:
//
//	template = { text | "{" path "}" }
//	path     = segment { "." segment }
//	segment  = one or more characters
//
// A segment is the name of a member, or the index of an element (0 is the first) where the value is an array. A backslash takes
// the next character as it is: "\{" is a brace, and {http\.status} the member "http.status". Names count exactly, upper and
// lower case apart; of members with the same name the last counts.
//
// A template fits a line when each of its fields is there and is a string, a number or a boolean; numbers stand as they are
// written in the line. Of several templates for one target the first that fits is taken; when none does, the target keeps its
// default.
//
// Guarantees:
//
//   - The data of a record are the bytes of the line, letter for letter.
//   - What a template makes is taken as it is or, if no store would take it, refused. Nothing is cleaned up silently.
//   - A line that is refused is reported with its number, and reading goes on behind it.
//   - Without a template for ids, the same input gives the same ids each time, and equal lines in it have different ones: an
//     input that is stored twice adds nothing the second time.
//   - A line longer than the limit is not held in memory.
package ndjson
