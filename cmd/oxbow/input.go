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

	file  *os.File // what from reads, when it can be read again
	spool bool     // the file is ours and goes with us
	stdin io.Reader
}

// openInput opens a file, or standard input for "-". Close it at the end.
func (c *cli) openInput(ctx context.Context, name string) (*input, error) {
	if name == "-" {
		if screen.Terminal(c.in) != nil {
			c.note("reading from the terminal: one event a line, Ctrl-D ends")
		}
		stdin := interruptible{ctx, c.in}
		return &input{from: stdin, stdin: stdin}, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		file.Close()
		return nil, errors.Join(err, fmt.Errorf("%s is a folder", name))
	}
	if !info.Mode().IsRegular() { // a pipe has no size and cannot be read twice
		return &input{from: interruptible{ctx, file}, stdin: interruptible{ctx, file}, file: file}, nil
	}
	return &input{from: file, size: info.Size(), file: file}, nil
}

func (in *input) Read(b []byte) (int, error) {
	n, err := in.from.Read(b)
	in.done += int64(n)
	return n, err
}

// keep makes sure that the input can be read twice: standard input goes to a temporary file first.
func (in *input) keep() error {
	if in.stdin == nil {
		return nil
	}
	file, err := os.CreateTemp("", "oxbow-import-*")
	if err != nil {
		return err
	}
	in.close()
	in.file, in.spool, in.from = file, true, file
	if in.size, err = io.Copy(file, in.stdin); err != nil {
		return fmt.Errorf("keep the input in %s: %w", file.Name(), err)
	}
	in.stdin = nil
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
