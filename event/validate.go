package event

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest id, type, topic, stream, tag or header name in bytes.
const MaxName = 255

// ErrInvalid is what every refusal of bad input answers to with errors.Is.
var ErrInvalid = errors.New("invalid input")

// InvalidError says which field was refused and why.
type InvalidError struct {
	Field  string // the field's name, such as "stream" or "tags[2]"
	Reason string // why, and what to do
	Err    error  // what the reason was taken from; nil when it is nobody else's error
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Reason }

// Is reports that the error is ErrInvalid.
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// Unwrap returns the error that the reason was taken from.
func (e *InvalidError) Unwrap() error { return e.Err }

// Invalid returns an *InvalidError for field with a reason formatted as fmt.Sprintf does.
func Invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// reason is what an error made by Invalid says beside the field.
func reason(err error) string {
	var invalid *InvalidError
	if errors.As(err, &invalid) {
		return invalid.Reason
	}
	return err.Error()
}

// CheckName refuses an empty name, one longer than MaxName bytes, bytes that are not UTF-8, and control characters such as a
// newline.
func CheckName(field, name string) error {
	switch {
	case name == "":
		return Invalid(field, "is empty")
	case len(name) > MaxName:
		return Invalid(field, "is %d bytes long, the limit is %d", len(name), MaxName)
	}
	return CheckText(field, name)
}

// CheckText refuses bytes that are not UTF-8 and control characters. The empty text is fine.
func CheckText(field, text string) error {
	if plain(text) {
		return nil
	}
	if !utf8.ValidString(text) {
		return Invalid(field, "is not UTF-8: %q", clip(text))
	}
	for i, r := range text {
		if unicode.IsControl(r) {
			return Invalid(field, "has the control character %q at byte %d; remove it", string(r), i)
		}
	}
	return nil
}

// plain is the quick answer for most texts: printable ASCII.
func plain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// CheckType refuses what cannot be a type or a topic: segments separated by dots, none of them empty, no spaces and no "*".
func CheckType(field, name string) error {
	if plainType(name) {
		return nil
	}
	if err := CheckName(field, name); err != nil {
		return err
	}
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
		return Invalid(field, "%q has an empty segment; write it as order.placed", name)
	}
	for i, r := range name {
		if r == '*' || unicode.IsSpace(r) {
			return Invalid(field, "%q has a %q at byte %d; use letters, digits, dots and hyphens", name, string(r), i)
		}
	}
	return nil
}

// plainType is the quick answer for most types: printable ASCII in segments.
func plainType(name string) bool {
	before := byte('.')
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c > '~' || c == '*' || c == '.' && before == '.' {
			return false
		}
		before = c
	}
	return before != '.' && len(name) <= MaxName
}

// Check refuses metadata that no store, bus or wire would take, naming the field. A zero ID and an empty topic pass: they are
// filled in later.
func (m *Metadata) Check() error {
	if err := CheckType("type", m.Type); err != nil {
		return err
	}
	if m.Topic != "" {
		if err := CheckType("topic", m.Topic); err != nil {
			return err
		}
	}
	if m.Version < 0 {
		return Invalid("version", "is %d; versions start at 1", m.Version)
	}
	if y := m.Time.UTC().Year(); !m.Time.IsZero() && (y < 1 || y > 9999) {
		return Invalid("time", "is in the year %d; RFC 3339 has the years 1 to 9999", y)
	}
	if err := m.checkTexts(); err != nil {
		return err
	}
	if err := m.checkTags(); err != nil {
		return err
	}
	return m.checkHeaders()
}

func (m *Metadata) checkTexts() error {
	if m.plainTexts() {
		return nil
	}
	for _, f := range [...]struct{ name, value string }{
		{"source", m.Source},
		{"subject", m.Subject},
		{"user id", m.UserID},
		{"aggregate type", m.AggregateType},
		{"aggregate id", m.AggregateID},
		{"traceparent", m.TraceParent},
		{"tracestate", m.TraceState},
		{"content type", m.ContentType},
		{"data schema", m.DataSchema},
	} {
		if len(f.value) > maxText {
			return Invalid(f.name, "is %d bytes long, the limit is %d", len(f.value), maxText)
		}
		if err := CheckText(f.name, f.value); err != nil {
			return err
		}
	}
	return nil
}

// plainTexts is the quick answer for most metadata.
func (m *Metadata) plainTexts() bool {
	return plainText(m.Source) && plainText(m.Subject) && plainText(m.UserID) && plainText(m.AggregateType) && plainText(m.AggregateID) &&
		plainText(m.TraceParent) && plainText(m.TraceState) && plainText(m.ContentType) && plainText(m.DataSchema)
}

func plainText(text string) bool { return text == "" || len(text) <= maxText && plain(text) }

const maxText = 4096 // bytes of one metadata text or header value

func (m *Metadata) checkTags() error {
	if len(m.Tags) > MaxTags {
		return Invalid("tags", "there are %d, the limit is %d", len(m.Tags), MaxTags)
	}
	for i, tag := range m.Tags {
		if err := CheckTag(tag); err != nil {
			return Invalid(fmt.Sprintf("tags[%d]", i), "%s", reason(err))
		}
	}
	return nil
}

// MaxTags is the largest number of tags of one event, and of headers.
const MaxTags = 64

// CheckTag refuses what CheckName refuses, and a comma, which separates tags on the wire.
func CheckTag(tag string) error {
	if err := CheckName("tag", tag); err != nil {
		return err
	}
	if strings.Contains(tag, ",") {
		return Invalid("tag", "%q has a comma, which separates tags on the wire", tag)
	}
	return nil
}

func (m *Metadata) checkHeaders() error {
	if len(m.Headers) > MaxTags {
		return Invalid("headers", "there are %d, the limit is %d", len(m.Headers), MaxTags)
	}
	for name, value := range m.Headers {
		if err := CheckName("header name", name); err != nil {
			return err
		}
		if !utf8.ValidString(value) {
			return Invalid("header "+name, "is not UTF-8")
		}
		if len(value) > maxText {
			return Invalid("header "+name, "is %d bytes long, the limit is %d", len(value), maxText)
		}
	}
	return nil
}

// Check refuses a record that no store would take, naming the field. Its stream may still be empty.
func (r *Record) Check() error {
	if r.Stream != "" {
		if err := CheckName("stream", r.Stream); err != nil {
			return err
		}
	}
	return r.Metadata.Check()
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
