package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
)

// input is a file or standard input, read with an eye on how far.
type input struct {
	from io.Reader
	size int64 // in bytes; 0 when it is not known
	done int64 // bytes read

	pipe  io.Reader // what from reads, when that cannot be read twice
	file  *os.File  // to close
	spool bool      // the file is ours and goes with us
}

// openInput opens a file, or standard input for "-". Close it at the end.
func (c *cli) openInput(ctx context.Context, name string) (*input, error) {
	if name == "-" {
		if screen.Terminal(c.in) != nil {
			c.note("reading from the terminal: one event a line, Ctrl-D ends")
		}
		stdin := interruptible{ctx, c.in}
		return &input{from: stdin, pipe: stdin}, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder", name)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if !info.Mode().IsRegular() {
		pipe := interruptible{ctx, file}
		return &input{from: pipe, pipe: pipe, file: file}, nil
	}
	return &input{from: file, size: info.Size(), file: file}, nil
}

func (in *input) Read(b []byte) (int, error) {
	n, err := in.from.Read(b)
	in.done += int64(n)
	return n, err
}

// keep makes sure that the input can be read twice: what comes through a pipe goes to a temporary file first.
func (in *input) keep() error {
	if in.pipe == nil {
		return nil
	}
	file, err := os.CreateTemp("", "oxbow-import-*")
	if err != nil {
		return err
	}
	size, err := io.Copy(file, in.pipe)
	in.close()
	in.from, in.file, in.size, in.spool, in.pipe = file, file, size, true, nil
	if err != nil {
		return fmt.Errorf("keep the input in %s: %w", file.Name(), err)
	}
	return in.rewind()
}

func (in *input) rewind() error {
	in.done = 0
	_, err := in.file.Seek(0, io.SeekStart)
	return err
}

func (in *input) close() {
	if in.file == nil {
		return
	}
	in.file.Close()
	if in.spool {
		os.Remove(in.file.Name())
	}
}

// interruptible is a reader whose calls end with a context. Reading from a terminal or a pipe cannot be ended otherwise: a call that
// is given up is left behind in a goroutine, which ends with the process.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(b []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	own := make([]byte, len(b)) // b is the caller's again when the context has ended
	go func() {
		n, err := i.r.Read(own)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return copy(b, own[:r.n]), r.err
	case <-i.ctx.Done():
		return 0, i.ctx.Err()
	}
}
