package cloudevents

import (
	"bytes"
	"encoding/base64"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// dataForm is how JSON data is laid out.
type dataForm bool

const (
	rawData       dataForm = false
	dataOnOneLine dataForm = true
)

func appendData(dst []byte, r *event.Record, form dataForm) []byte {
	if r.Data == nil {
		return dst
	}
	switch c := contentOf(r.ContentType); {
	case c == jsonContent && rawjson.Check(r.Data) == nil:
		return appendJSON(appendName(dst, "data"), rawjson.Trim(r.Data), form)
	case c == textContent && utf8.Valid(r.Data):
		return rawjson.AppendQuoted(appendName(dst, "data"), r.Data)
	}
	dst = append(appendName(dst, "data_base64"), '"')
	dst = base64.StdEncoding.AppendEncode(dst, r.Data)
	return append(dst, '"')
}

func appendJSON(dst, data []byte, form dataForm) []byte {
	if form == dataOnOneLine && (bytes.IndexByte(data, '\n') >= 0 || bytes.IndexByte(data, '\r') >= 0) {
		return rawjson.AppendCompact(dst, data)
	}
	return append(dst, data...)
}

// readData returns the data of a JSON event: of its member data or of data_base64, whichever is not nil.
func readData(contentType string, data, encoded []byte) ([]byte, error) {
	switch {
	case data != nil && encoded != nil:
		return nil, event.Invalid("data", "stands beside data_base64; send one of them")
	case encoded != nil:
		return decodeData(encoded)
	case data == nil:
		return nil, nil
	case contentOf(contentType) == jsonContent:
		return bytes.Clone(data), nil
	}
	return readText(contentType, data)
}

func decodeData(quoted []byte) ([]byte, error) {
	if kind := rawjson.KindOf(quoted); kind != rawjson.String {
		return nil, event.Invalid("data_base64", "is %s, not a string", kind)
	}
	encoded, _ := rawjson.Unquote(quoted)
	decoded, err := base64.StdEncoding.AppendDecode([]byte{}, encoded)
	if err != nil {
		return nil, event.Invalid("data_base64", "is not Base64 with the alphabet and padding of RFC 4648, part 4: %v", err)
	}
	return decoded, nil
}

func readText(contentType string, quoted []byte) ([]byte, error) {
	if kind := rawjson.KindOf(quoted); kind != rawjson.String {
		return nil, event.Invalid("data", "is %s, but the content type is %s; send a string, data_base64, or a content type of JSON",
			kind, contentType)
	}
	if contentOf(contentType) == foreignText {
		return nil, event.Invalid("data", "is a string, which is Unicode, but the content type is %s; send data_base64, or UTF-8",
			contentType)
	}
	text, ok := rawjson.Unquote(quoted)
	if !ok {
		return nil, event.Invalid("data", "has half of a surrogate pair, which is no text")
	}
	return append([]byte{}, text...), nil
}

// content is what a content type says about the bytes.
type content int

const (
	binaryContent content = iota
	jsonContent
	textContent // in UTF-8
	foreignText // text in another charset
)

// contentOf tells contents apart as the JSON format does (CloudEvents JSON 1.0.2, part 3.1.1).
func contentOf(contentType string) content {
	if contentType == "" || contentType == defaultContent || event.IsJSON(contentType) {
		return jsonContent
	}
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = strings.ToLower(strings.TrimSpace(contentType))
	}
	switch {
	case !isUnicode(params["charset"]):
		return foreignText
	case strings.HasPrefix(media, "text/") || isText(media):
		return textContent
	}
	return binaryContent
}

func isUnicode(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii")
}

func isText(media string) bool {
	_, subtype, _ := strings.Cut(media, "/")
	switch subtype {
	case "xml", "yaml", "javascript", "graphql", "toml", "sql", "x-www-form-urlencoded", "x-ndjson":
		return true
	}
	return strings.HasSuffix(subtype, "+xml") || strings.HasSuffix(subtype, "+yaml")
}
