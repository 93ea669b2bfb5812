// Package cloudevents writes records as CloudEvents 1.0 (https://cloudevents.io, specification 1.0.2) and reads them: JSON, one
// event or a batch, and the binary mode of the HTTP binding.
//
// What has an attribute in the specification or in one of its documented extensions uses it; the rest of a record's metadata
// are extensions of Oxbow's:
//
//	attribute         in a record            in JSON
//	id                ID                     string
//	source            Source                 string; "oxbow:unknown" for the empty source
//	type              Type                   string
//	subject           Subject                string
//	time              Time                   string, RFC 3339 in UTC with nanoseconds
//	datacontenttype   ContentType            string
//	dataschema        DataSchema             string
//	correlationid     CorrelationID          string
//	causationid       CausationID            string
//	traceparent       TraceParent            string
//	tracestate        TraceState             string
//	stream            Stream                 string
//	revision          Revision               string of digits, as it may pass the 32 bits of an integer
//	position          Position               string of digits
//	schemaversion     Version                string of digits
//	topic             Topic                  string
//	userid            UserID                 string
//	aggregatetype     AggregateType          string
//	aggregateid       AggregateID            string
//	tags              Tags                   string, separated by commas
//	any other         Headers                string, or as it came
//	oxbowheaders      Headers                string with a JSON object: headers whose name or value no extension may have
//	oxbowdata         Data                   "empty": there is data, of no bytes (HTTP only)
//
// A field that is not set is left out. Numbers and booleans of foreign extensions are kept in Headers as text, and the header
// [TypesHeader] remembers what they were, so that they are written as they came.
//
// Data is the member data as raw JSON when the content type is JSON (or none) and the bytes are; a string when the content type
// is text in UTF-8; and data_base64 otherwise.
//
// Guarantees:
//
//   - A record written and read again is the same record, whatever its id, texts, tags, headers and data, data of no bytes and
//     no data apart. Two things are not kept: white space around JSON data (and between its tokens, on one line), and, over
//     HTTP, the difference between no content type and application/json.
//   - A foreign event read and written again is the same event: unknown extensions with their JSON types, every digit and
//     duplicate name in the data, null apart from nothing. An attribute that is null or empty counts as absent, and the time
//     keeps its instant to the nanosecond, not its offset; the first instant of year 1 counts as no time.
//   - What is read satisfies event.Record.Check and has an id. What does not is refused with an error that names the attribute
//     and answers errors.Is(err, event.ErrInvalid).
//   - Reading takes time and memory in proportion to the input.
package cloudevents
