package ndjson

import (
	"bufio"
	"fmt"
	"io"
	"iter"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/cloudevents"
)

// Write writes the records as CloudEvents, one a line, and returns how many. NewCloudEventsReader reads them. It stops at the
// first error, with the records before it written.
func Write(out io.Writer, records iter.Seq2[event.Record, error]) (n int, err error) {
	w := bufio.NewWriterSize(out, 64<<10)
	defer func() {
		if flushErr := w.Flush(); err == nil {
			err = flushErr
		}
	}()
	var line []byte
	for r, err := range records {
		if err != nil {
			return n, err
		}
		if line, err = cloudevents.AppendLine(line[:0], &r); err != nil {
			return n, fmt.Errorf("write record %d: %w", n+1, err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
