package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/backend"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/event/ndjson"
	"github.com/oxbow-events/oxbow/store"
)

// How much goes into one commit. A server takes bodies of 8 MiB by default, and base64 makes data a third larger.
const (
	batchEvents = 1000
	batchBytes  = 4 << 20
)

// importer writes events in batches and counts what became of them.
type importer struct {
	open    func() (backend.Backend, error) // called when there is something to write; nil: everything but the writing
	strict  bool                            // a line that is refused ends the import
	report  importReport
	backend backend.Backend // once it is open

	batch []importedLine
	ids   map[event.ID]bool // in the batch: one commit takes an id once
	bytes int
}

// importedLine is an event and the line it came from.
type importedLine struct {
	number int
	record event.Record
}

// importReport is what an import tells at its end.
type importReport struct {
	Imported int          `json:"imported"`
	Present  int          `json:"present"`         // already there, with the same id in the same stream
	Broken   int          `json:"broken"`          // lines that did not go in
	Lines    []brokenLine `json:"lines,omitempty"` // the first of them

	DryRun bool              `json:"dryRun,omitempty"`
	Types  map[string]uint64 `json:"types,omitempty"` // with DryRun
}

func (r *importReport) lines() int { return r.Imported + r.Present + r.Broken }

// brokenLine is a line that did not go in, and why.
type brokenLine struct {
	Line  int    `json:"line"`
	Error string `json:"error"`
}

const reportedLines = 20 // of the broken ones; more are only counted

// takeAll takes all lines, and calls each after every one of them.
func (i *importer) takeAll(ctx context.Context, lines *ndjson.Reader, each func()) error {
	for record, err := range lines.All() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := i.take(ctx, lines.Line(), record, err); err != nil {
			return err
		}
		each()
	}
	return i.flush(ctx)
}

// take takes what a line became: an event, or the error of a line that is broken. Any other error ends the import.
func (i *importer) take(ctx context.Context, number int, record event.Record, err error) error {
	if err == nil {
		record, err = settle(ctx, &record)
	}
	if err == nil {
		single := store.Commit{Events: []event.Record{record}}
		err = single.Check()
	}
	if err == nil {
		return i.add(ctx, importedLine{number, record})
	}
	var broken *ndjson.LineError
	if errors.As(err, &broken) {
		err = broken.Err
	}
	if !errors.Is(err, event.ErrInvalid) {
		return err
	}
	return i.refuse(number, err)
}

// add adds one event to the batch and writes the batch when it is full.
func (i *importer) add(ctx context.Context, line importedLine) error {
	size := len(line.record.Data) + 1024
	if len(i.batch) == batchEvents || i.bytes+size > batchBytes || i.ids[line.record.ID] {
		if err := i.flush(ctx); err != nil {
			return err
		}
	}
	if i.ids == nil {
		i.ids = map[event.ID]bool{}
	}
	i.batch = append(i.batch, line)
	i.ids[line.record.ID] = true
	i.bytes += size
	return nil
}

// flush writes the batch.
func (i *importer) flush(ctx context.Context) error {
	batch := i.batch
	i.batch, i.bytes = nil, 0
	clear(i.ids)
	if len(batch) == 0 {
		return nil
	}
	if i.open == nil {
		i.pretend(batch)
		return nil
	}
	if i.backend == nil {
		var err error
		if i.backend, err = i.open(); err != nil {
			return err
		}
	}
	return i.commit(ctx, batch)
}

func (i *importer) close() error {
	if i.backend == nil {
		return nil
	}
	return i.backend.Close()
}

// commit writes lines together. When they cannot go in together, because some are there already or their stream takes no more, each
// half is tried by itself.
func (i *importer) commit(ctx context.Context, lines []importedLine) error {
	records := make([]event.Record, len(lines))
	for n := range lines {
		records[n] = lines[n].record
	}
	receipt, err := i.backend.Commit(ctx, store.Commit{Events: records})
	switch {
	case err == nil && receipt.Repeated:
		i.report.Present += len(lines)
		return nil
	case err == nil:
		i.report.Imported += len(lines)
		return nil
	case !aboutOneLine(err):
		return fmt.Errorf("import line %d: %w", lines[0].number, err)
	case len(lines) == 1:
		return i.refuseUnlessPresent(ctx, &lines[0], err)
	}
	half := len(lines) / 2
	if err := i.commit(ctx, lines[:half]); err != nil {
		return err
	}
	return i.commit(ctx, lines[half:])
}

// aboutOneLine reports whether a commit may have been refused for one of its lines, and the others can go in.
func aboutOneLine(err error) bool {
	return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrTombstone) || errors.Is(err, event.ErrInvalid)
}

// refuseUnlessPresent looks whether an event that is refused by itself is there already: it was then committed together with
// others, which a repetition of all of them would tell, but not of one.
func (i *importer) refuseUnlessPresent(ctx context.Context, line *importedLine, refused error) error {
	if errors.Is(refused, store.ErrConflict) {
		q := store.Where(store.Filter{ID: line.record.ID, Stream: line.record.Stream})
		q.Limit = 1
		for _, err := range i.backend.Read(ctx, q) {
			if err != nil {
				return fmt.Errorf("import line %d: %w", line.number, err)
			}
			i.report.Present++
			return nil
		}
	}
	return i.refuse(line.number, refused)
}

// pretend counts lines that would have gone in.
func (i *importer) pretend(lines []importedLine) {
	i.report.Imported += len(lines)
	if i.report.Types == nil {
		i.report.Types = map[string]uint64{}
	}
	for n := range lines {
		i.report.Types[lines[n].record.Type]++
	}
}

// refuse counts a line that does not go in, or ends a strict import.
func (i *importer) refuse(number int, err error) error {
	if i.strict {
		return fmt.Errorf("line %d: %w", number, err)
	}
	i.report.Broken++
	if len(i.report.Lines) < reportedLines {
		i.report.Lines = append(i.report.Lines, brokenLine{Line: number, Error: err.Error()})
	}
	return nil
}
