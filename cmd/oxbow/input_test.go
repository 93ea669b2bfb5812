package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

func TestReadingEndsWithTheContext(t *testing.T) {
	silent, keep := io.Pipe()
	defer keep.Close()
	ctx, cancel := context.WithCancel(t.Context())
	in := interruptible{ctx, silent}
	cancel()
	if n, err := in.Read(make([]byte, 8)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("read %d bytes, %v; want context.Canceled", n, err)
	}
}

func TestInterruptibleReadsWhatThereIs(t *testing.T) {
	want := bytes.Repeat([]byte("abc"), 50_000)
	got, err := io.ReadAll(interruptible{t.Context(), bytes.NewReader(want)})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d bytes, %v; want %d", len(got), err, len(want))
	}
}
