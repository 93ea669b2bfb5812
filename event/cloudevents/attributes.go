package cloudevents

import (
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// Media types of the JSON format.
const (
	ContentType      = "application/cloudevents+json"       // one event
	BatchContentType = "application/cloudevents-batch+json" // an array of events
)

// TypesHeader is the header that remembers which extensions of a foreign event were no strings: "count=integer flag=boolean".
const TypesHeader = "cloudevents-types"

const (
	specVersion    = "1.0"
	looseHeaders   = "oxbowheaders"
	dataMarker     = "oxbowdata"
	emptyData      = "empty"
	unknownSource  = "oxbow:unknown"
	maxAttributes  = 128 // members of one event: more than all attributes and event.MaxTags headers
	sourceEscape   = '#'
	booleanType    = "boolean"
	integerType    = "integer"
	defaultContent = "application/json"
)

// attributes are the names that a header may not travel under.
var attributes = func() map[string]string {
	names := map[string]string{}
	for _, name := range [...]string{
		"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "data",
		"correlationid", "causationid", "traceparent", "tracestate",
		"stream", "revision", "position", "schemaversion", "topic", "userid", "aggregatetype", "aggregateid", "tags",
		looseHeaders, dataMarker,
	} {
		names[name] = name
	}
	return names
}()

// isExtension reports whether name is legal (CloudEvents 1.0.2, "Naming Conventions") and has no meaning yet.
func isExtension(name string) bool {
	_, taken := attributes[name]
	return !taken && isLegal(name)
}

func isLegal(name string) bool {
	for i := range len(name) {
		if b := name[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') {
			return false
		}
	}
	return name != ""
}

// writtenSource returns what stands for a source on the wire, where it must not be empty. A source that looks like the
// stand-in gets one more "#", which readSource takes away.
func writtenSource(source string) string {
	switch {
	case source == "":
		return unknownSource
	case isStandIn(source):
		return source + string(sourceEscape)
	}
	return source
}

func readSource(written string) string {
	switch {
	case written == unknownSource:
		return ""
	case isStandIn(written):
		return written[:len(written)-1]
	}
	return written
}

func isStandIn(source string) bool {
	rest, ok := strings.CutPrefix(source, unknownSource)
	return ok && strings.Trim(rest, string(sourceEscape)) == ""
}

// checkWritable refuses a record that no reader would take.
func checkWritable(r *event.Record) error {
	if r.ID.IsZero() {
		return event.Invalid("id", "is missing; every CloudEvent has one")
	}
	return r.Check()
}
