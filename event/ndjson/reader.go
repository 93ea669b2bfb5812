package ndjson

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// Config is how lines are read; the zero Config works.
type Config struct {
	MaxLine int // bytes of one line; default 16 MiB
}

// Reader reads records from lines. Empty lines are skipped; a byte order mark at the start, line breaks of two characters and a
// last line without one are fine.
type Reader struct {
	lines  lines
	decode func(line []byte) (event.Record, error)
}

// NewReader returns a reader of JSON lines that makes records as m says. A template that is wrong is refused with an error that
// names it and the byte.
func NewReader(in io.Reader, m Mapping, cfg Config) (*Reader, error) {
	p, err := newMapper(m)
	if err != nil {
		return nil, err
	}
	return newReader(in, p.record, cfg)
}

// NewCloudEventsReader returns a reader of lines that are CloudEvents: JSON, one event a line.
func NewCloudEventsReader(in io.Reader, cfg Config) (*Reader, error) {
	return newReader(in, cloudevents.Unmarshal, cfg)
}

func newReader(in io.Reader, decode func([]byte) (event.Record, error), cfg Config) (*Reader, error) {
	switch {
	case cfg.MaxLine < 0:
		return nil, event.Invalid("MaxLine", "is %d; leave it 0 for 16 MiB", cfg.MaxLine)
	case cfg.MaxLine == 0:
		cfg.MaxLine = 16 << 20
	}
	return &Reader{lines: lines{in: bufio.NewReaderSize(in, 64<<10), max: cfg.MaxLine}, decode: decode}, nil
}

// LineError is a line that was refused.
type LineError struct {
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns Err.
func (e *LineError) Unwrap() error { return e.Err }

// All yields the record of each line, or a *LineError for a line that is refused, which answers errors.Is(err, event.ErrInvalid);
// going on behind it is fine. Any other error is the input's, and the last. The input is read once, as far as the loop goes.
func (r *Reader) All() iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		for {
			line, err := r.lines.next()
			switch {
			case err == io.EOF:
				return
			case errors.Is(err, errTooLong):
				err = event.Invalid("length", "is over the limit of %d bytes", r.lines.max)
			case err != nil:
				yield(event.Record{}, fmt.Errorf("read line %d: %w", r.lines.number, err))
				return
			case len(rawjson.Trim(line)) == 0:
				continue
			}
			if !yield(r.record(line, err)) {
				return
			}
		}
	}
}

// record decodes a line, unless it was refused before.
func (r *Reader) record(line []byte, err error) (event.Record, error) {
	var record event.Record
	if err == nil {
		record, err = r.decode(line)
	}
	if err != nil {
		return event.Record{}, &LineError{Line: r.lines.number, Err: err}
	}
	return record, nil
}

// Line returns the number of the line that All read last, from 1.
func (r *Reader) Line() int { return r.lines.number }
