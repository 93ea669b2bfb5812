package cloudevents

import (
	"strconv"
	"strings"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// SetHeader sets the fields of an HTTP header (an http.Header) for the record in binary mode; the body is its Data.
//
// Refused are records that [Append] refuses, and those that only structured mode can carry: with a JSON content type and data
// that is none, or with a content type that cannot stand in a header or announces structured mode.
func SetHeader(header map[string][]string, r *event.Record) error {
	if err := checkWritable(r); err != nil {
		return err
	}
	if err := checkBody(r.ContentType, r.Data); err != nil {
		return err
	}
	if err := checkContentType(r.ContentType); err != nil {
		return err
	}
	for _, e := range headerAttributes(r) {
		header[headerName(e.name)] = []string{percentEncode(e.value)}
	}
	switch {
	case r.ContentType != "":
		header[contentTypeHeader] = []string{r.ContentType}
	case len(r.Data) > 0: // what is implied must be said: CloudEvents JSON 1.0.2, part 3.1.2
		header[contentTypeHeader] = []string{defaultContent}
	}
	return nil
}

const contentTypeHeader = "Content-Type"

// headerName is the field of an attribute, as net/http spells it: Ce-Specversion.
func headerName(attribute string) string {
	return "Ce-" + strings.ToUpper(attribute[:1]) + attribute[1:]
}

// headerAttributes returns all attributes that are set, but datacontenttype.
func headerAttributes(r *event.Record) []extension {
	all := [...]extension{
		{name: "specversion", value: specVersion},
		{name: "id", value: r.ID.String()},
		{name: "source", value: writtenSource(r.Source)},
		{name: "type", value: r.Type},
		{name: "subject", value: r.Subject},
		{name: "time", value: formatTime(r.Time)},
		{name: "dataschema", value: r.DataSchema},
		{name: "stream", value: r.Stream},
		{name: "revision", value: formatNumber(r.Revision)},
		{name: "position", value: formatNumber(uint64(r.Position))},
		{name: "schemaversion", value: formatNumber(uint64(r.Version))},
		{name: "topic", value: r.Topic},
		{name: "correlationid", value: r.CorrelationID.String()},
		{name: "causationid", value: r.CausationID.String()},
		{name: "userid", value: r.UserID},
		{name: "aggregatetype", value: r.AggregateType},
		{name: "aggregateid", value: r.AggregateID},
		{name: "tags", value: strings.Join(r.Tags, ",")},
		{name: "traceparent", value: r.TraceParent},
		{name: "tracestate", value: r.TraceState},
		{name: dataMarker, value: dataMark(r.Data)},
	}
	set := make([]extension, 0, len(all)+len(r.Headers)+1)
	for _, e := range all {
		if e.value != "" {
			set = append(set, e)
		}
	}
	return append(set, extensions(r.Headers, false)...)
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func formatNumber(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

// dataMark tells data of no bytes from no data, which look the same in a body.
func dataMark(data []byte) string {
	if data != nil && len(data) == 0 {
		return emptyData
	}
	return ""
}

// checkBody refuses a body that is not what its content type says.
func checkBody(contentType string, body []byte) error {
	if len(body) == 0 || contentOf(contentType) != jsonContent {
		return nil
	}
	if err := rawjson.Check(body); err != nil {
		return event.Invalid("data", "is not JSON, as its content type says: %v", err)
	}
	return nil
}

func checkContentType(contentType string) error {
	if formatOf(contentType) != "" {
		return event.Invalid("datacontenttype", "%s is taken for structured mode over HTTP; send the event structured", contentType)
	}
	for i := range len(contentType) {
		b := contentType[i]
		if b < ' ' || b > '~' || b == ' ' && (i == 0 || i == len(contentType)-1) {
			return event.Invalid("datacontenttype", "%q cannot stand in an HTTP header; send the event structured", contentType)
		}
	}
	return nil
}

// FromHTTP returns the events of an HTTP message in whichever mode its content type announces: one in binary mode (what other
// content types mean) or structured mode, at most limit of them in a batch. header may be an http.Header. The records keep no
// part of body.
func FromHTTP(header map[string][]string, body []byte, limit int) ([]event.Record, error) {
	contentType := first(header[contentTypeHeader])
	switch format := formatOf(contentType); format {
	case "":
		return one(FromHeader(header, body))
	case ContentType:
		return one(Unmarshal(body))
	case BatchContentType:
		return UnmarshalBatch(body, limit)
	default:
		return nil, event.Invalid("content type", "%s is a format that Oxbow does not read; send %s or %s",
			format, ContentType, BatchContentType)
	}
}

func one(r event.Record, err error) ([]event.Record, error) {
	if err != nil {
		return nil, err
	}
	return []event.Record{r}, nil
}

// formatOf returns the media type of a content type that announces structured or batched mode, and "" for every other.
func formatOf(contentType string) string {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	if !strings.HasPrefix(media, "application/cloudevents") {
		return ""
	}
	return media
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// FromHeader returns the event of an HTTP message in binary mode: attributes from the fields that begin with "ce-", in any
// case, and data from the body. The record keeps no part of body.
func FromHeader(header map[string][]string, body []byte) (event.Record, error) {
	var r reading
	seen := map[string]bool{}
	for field, values := range header {
		name, ok := cutPrefix(field)
		if !ok {
			continue
		}
		if len(values) != 1 || seen[name] {
			return event.Record{}, event.Invalid(name, "stands more than once in the header")
		}
		seen[name] = true
		if err := r.field(name, values[0]); err != nil {
			return event.Record{}, err
		}
	}
	if r.specVersion == "" {
		return event.Record{}, event.Invalid("specversion",
			"is missing; send the attributes in HTTP header fields such as ce-specversion, or the whole event as %s", ContentType)
	}
	r.record.ContentType = strings.TrimSpace(first(header[contentTypeHeader]))
	if err := checkBody(r.record.ContentType, body); err != nil {
		return event.Record{}, err
	}
	return r.finish(append([]byte(nil), body...))
}

// cutPrefix returns the attribute that a field stands for.
func cutPrefix(field string) (name string, ok bool) {
	if len(field) <= 3 || !strings.EqualFold(field[:3], "ce-") {
		return "", false
	}
	return strings.ToLower(field[3:]), true
}

func (r *reading) field(name, value string) error {
	if name == "datacontenttype" {
		return event.Invalid(name, "is the field Content-Type over HTTP; leave out ce-datacontenttype")
	}
	text, err := percentDecode(value)
	if err != nil {
		return renamed(err, name)
	}
	return r.set(name, text)
}
