package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
	"github.com/oxbow-events/oxbow/event"
)

// printer writes events one after another.
type printer interface {
	Print(r event.Record) error
	Flush() error // writes what is held back
}

// printerFor returns the printer that the flags ask for.
func (c *cli) printerFor(payload bool) (printer, error) {
	switch {
	case payload && c.json:
		return nil, wrongFlag("payload", "and --json exclude each other; a payload is printed as it is")
	case payload:
		return payloadPrinter{c.output()}, nil
	case c.json:
		return cloudEventPrinter{c.output()}, nil
	}
	return c.tablePrinter(), nil
}

func (c *cli) tablePrinter() printer {
	out := c.output()
	return tablePrinter{out.Table(
		screen.Column{Title: "POSITION", Right: true},
		screen.Column{Title: "TIME", Colour: screen.Dim},
		screen.Column{Title: "TYPE", Min: 14, Colour: screen.Cyan},
		screen.Column{Title: "STREAM", Min: 16},
		screen.Column{Title: "REV", Right: true},
		screen.Column{Title: "DATA"},
	)}
}

// tablePrinter writes a line for people.
type tablePrinter struct{ *screen.Table }

func (p tablePrinter) Print(r event.Record) error {
	return p.Row(
		strconv.FormatUint(uint64(r.Position), 10),
		r.Time.UTC().Format(timeLayout),
		r.Type,
		r.Stream,
		strconv.FormatUint(r.Revision, 10),
		preview(&r),
	)
}

const timeLayout = "2006-01-02T15:04:05.000Z" // RFC 3339 in UTC, of fixed width

// preview shows data in one line: text as it is, anything else by its size.
func preview(r *event.Record) string {
	switch {
	case r.Data == nil:
		return ""
	case event.IsJSON(r.ContentType):
		return string(oneLine(r.Data))
	case utf8.Valid(r.Data):
		return string(r.Data)
	}
	return fmt.Sprintf("(%d bytes of %s)", len(r.Data), r.ContentType)
}

// oneLine returns JSON without line breaks. Data that is not JSON after all stays as it is.
func oneLine(data []byte) []byte {
	if bytes.IndexByte(data, '\n') < 0 {
		return data
	}
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return data
	}
	return b.Bytes()
}

// cloudEventPrinter writes a CloudEvent a line.
type cloudEventPrinter struct{ *screen.Output }

func (p cloudEventPrinter) Print(r event.Record) error {
	encoded, err := encodeCloudEvent(r)
	if err != nil {
		return err
	}
	return writeLine(p, encoded)
}

// payloadPrinter writes the data alone: JSON in one line, anything else as it is.
type payloadPrinter struct{ *screen.Output }

func (p payloadPrinter) Print(r event.Record) error {
	data := r.Data
	if event.IsJSON(r.ContentType) {
		data = oneLine(data)
	}
	return writeLine(p, data)
}

func writeLine(w io.Writer, line []byte) error {
	if _, err := w.Write(line); err != nil {
		return err
	}
	_, err := w.Write([]byte{'\n'})
	return err
}
