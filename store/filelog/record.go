package filelog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// A record's payload is a version byte, the revision, and the body. Numbers are varints, texts and lists have their length in
// front. The body is a set of flags, the length of the data, the metadata, and the data at the very end. What a flag stands for
// is left out when it is not set.
const recordVersion = 1

const (
	hasData     = 1 << iota
	jsonContent // the content type is application/json
	hasTags
	ownCorrelation // the correlation id is the record's own
	hasCorrelation
	hasCausation
	hasAggregateType
	hasAggregateID
	hasTopic
	hasSource
	hasSubject
	hasUser
	hasTraceParent
	hasTraceState
	hasContentType
	hasDataSchema
	hasHeaders
	allFlags = 1<<iota - 1
)

const contentJSON = "application/json"

var errRecord = errors.New("the record cannot be read")

// texts are the optional texts in the order they are written, each with its flag.
func texts(m *event.Metadata) [10]struct {
	flag uint64
	text *string
} {
	return [...]struct {
		flag uint64
		text *string
	}{
		{hasTopic, &m.Topic},
		{hasSource, &m.Source},
		{hasSubject, &m.Subject},
		{hasUser, &m.UserID},
		{hasAggregateType, &m.AggregateType},
		{hasAggregateID, &m.AggregateID},
		{hasTraceParent, &m.TraceParent},
		{hasTraceState, &m.TraceState},
		{hasContentType, &m.ContentType},
		{hasDataSchema, &m.DataSchema},
	}
}

// appendRecord appends the body of a record: all of it but position and revision.
func appendRecord(dst []byte, r *event.Record) []byte {
	flags := recordFlags(r)
	dst = binary.AppendUvarint(dst, flags)
	if flags&hasData != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(r.Data)))
	}
	dst = appendID(dst, r.ID)
	dst = appendText(dst, r.Type)
	dst = appendText(dst, r.Stream)
	dst = binary.AppendUvarint(dst, uint64(r.Version))
	dst = binary.AppendVarint(dst, r.Time.Unix())
	dst = binary.AppendUvarint(dst, uint64(r.Time.Nanosecond()))
	if flags&hasCorrelation != 0 {
		dst = appendID(dst, r.CorrelationID)
	}
	if flags&hasCausation != 0 {
		dst = appendID(dst, r.CausationID)
	}
	for _, t := range texts(&r.Metadata) {
		if flags&t.flag != 0 {
			dst = appendText(dst, *t.text)
		}
	}
	if flags&hasTags != 0 {
		dst = appendTexts(dst, r.Tags)
	}
	if flags&hasHeaders != 0 {
		dst = appendHeaders(dst, r.Headers)
	}
	return append(dst, r.Data...)
}

func recordFlags(r *event.Record) (flags uint64) {
	set := func(flag uint64, when bool) {
		if when {
			flags |= flag
		}
	}
	for _, t := range texts(&r.Metadata) {
		set(t.flag, *t.text != "")
	}
	if r.ContentType == contentJSON {
		flags = flags&^hasContentType | jsonContent
	}
	set(hasData, r.Data != nil)
	set(hasTags, r.Tags != nil)
	set(hasHeaders, r.Headers != nil)
	set(hasCausation, !r.CausationID.IsZero())
	set(ownCorrelation, r.CorrelationID == r.ID)
	set(hasCorrelation, !r.CorrelationID.IsZero() && r.CorrelationID != r.ID)
	return flags
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendTexts(dst []byte, list []string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	for _, s := range list {
		dst = appendText(dst, s)
	}
	return dst
}

// appendHeaders writes names in order, so that equal records have equal bytes.
func appendHeaders(dst []byte, headers map[string]string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(headers)))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		dst = appendText(appendText(dst, name), headers[name])
	}
	return dst
}

// An id is 0 and nothing, 1 and 16 bytes, or 2 and a text.
func appendID(dst []byte, id event.ID) []byte {
	if id.IsZero() {
		return append(dst, 0)
	}
	if uuid, ok := id.Bytes(); ok {
		return append(append(dst, 1), uuid[:]...)
	}
	return appendText(append(dst, 2), id.String())
}

// decodeRecord reads a record's payload. The record shares no bytes with it; without withData its data is left out.
func decodeRecord(payload []byte, withData bool) (r event.Record, err error) {
	if err := decodeOwn(&r, bytes.Clone(payload)); err != nil {
		return event.Record{}, err
	}
	if !withData {
		r.Data = nil
	}
	return r, nil
}

// decodeOwn reads a record from a payload that belongs to it from now on: its texts and its data are parts of it. r is zero before.
func decodeOwn(r *event.Record, payload []byte) error { return decodeWith(r, payload, nil) }

// decodeWith is decodeOwn with room for the record's tags, which it takes from; nil when they get room of their own.
func decodeWith(r *event.Record, payload []byte, room *tagRoom) error {
	if len(payload) == 0 || payload[0] != recordVersion {
		return errRecord
	}
	d := decoder{b: payload, at: 1, room: room}
	r.Revision = d.uvarint()
	flags := d.uvarint()
	if flags&^uint64(allFlags) != 0 {
		return errRecord
	}
	if flags&hasData != 0 {
		r.Data = d.last(d.uvarint())
	}
	d.metadata(r, flags)
	if d.at != len(d.b) {
		*r = event.Record{}
		return errRecord
	}
	return nil
}

func (d *decoder) metadata(r *event.Record, flags uint64) {
	d.id(&r.ID)
	r.Type = d.string()
	r.Stream = d.string()
	r.Version = d.int()
	r.Time = d.time()
	if flags&ownCorrelation != 0 {
		r.CorrelationID = r.ID
	}
	if flags&hasCorrelation != 0 {
		d.id(&r.CorrelationID)
	}
	if flags&hasCausation != 0 {
		d.id(&r.CausationID)
	}
	d.texts(&r.Metadata, flags)
	if flags&jsonContent != 0 {
		r.ContentType = contentJSON
	}
	if flags&hasTags != 0 {
		r.Tags = d.strings()
	}
	if flags&hasHeaders != 0 {
		r.Headers = d.headers()
	}
}

// texts reads the optional texts, in the order of the flags.
func (d *decoder) texts(m *event.Metadata, flags uint64) {
	if flags&hasTopic != 0 {
		m.Topic = d.string()
	}
	if flags&hasSource != 0 {
		m.Source = d.string()
	}
	if flags&hasSubject != 0 {
		m.Subject = d.string()
	}
	if flags&hasUser != 0 {
		m.UserID = d.string()
	}
	if flags&hasAggregateType != 0 {
		m.AggregateType = d.string()
	}
	if flags&hasAggregateID != 0 {
		m.AggregateID = d.string()
	}
	if flags&(hasTraceParent|hasTraceState|hasContentType|hasDataSchema) == 0 {
		return
	}
	if flags&hasTraceParent != 0 {
		m.TraceParent = d.string()
	}
	if flags&hasTraceState != 0 {
		m.TraceState = d.string()
	}
	if flags&hasContentType != 0 {
		m.ContentType = d.string()
	}
	if flags&hasDataSchema != 0 {
		m.DataSchema = d.string()
	}
}

const (
	firstSecond = -62135596800 // year 1
	lastSecond  = 253402300799 // year 9999
)

func (d *decoder) time() time.Time {
	seconds, nanos := d.varint(), d.uvarint()
	if seconds < firstSecond || seconds > lastSecond || nanos > 999_999_999 {
		d.fail()
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

func (d *decoder) id(into *event.ID) {
	switch kind := d.byte(); kind {
	case 0:
		return
	case 1:
		if b := d.bytes(16); b != nil {
			*into = event.UUID([16]byte(b))
			return
		}
	case 2:
		if id, err := event.ParseID(d.string()); err == nil && !id.IsZero() {
			*into = id
			return
		}
	}
	d.fail()
}

func (d *decoder) headers() map[string]string {
	n := d.uvarint()
	headers := make(map[string]string, min(n, event.MaxTags))
	for range n {
		name := d.string()
		if d.failed() {
			return nil
		}
		headers[name] = d.string()
	}
	return headers
}

func (d *decoder) strings() []string {
	n := d.uvarint()
	list := d.roomFor(min(n, event.MaxTags))
	for range n {
		s := d.string()
		if d.failed() {
			return nil
		}
		list = append(list, s)
	}
	return list
}

func (d *decoder) int() int {
	n := d.uvarint()
	if n > math.MaxInt {
		d.fail()
		return 0
	}
	return int(n)
}
