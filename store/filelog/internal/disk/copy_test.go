package disk

import (
	"errors"
	"io"
	"testing"
)

// source gives n bytes and an error.
type source struct {
	n   int
	err error
}

func (s source) ReadAt([]byte, int64) (int, error) { return s.n, s.err }

type sink struct{ written int }

func (s *sink) WriteAt(b []byte, _ int64) (int, error) { s.written += len(b); return len(b), nil }

func TestCopyingTellsOfEveryFailedRead(t *testing.T) {
	const size = 100
	failed := errors.New("input/output error")
	for _, c := range []struct {
		source
		want    error
		written int
	}{
		{source{size, nil}, nil, size},
		{source{size, io.EOF}, nil, size}, // the end, as a reader may say with the last bytes
		{source{size - 1, io.EOF}, io.ErrUnexpectedEOF, 0},
		{source{size - 1, nil}, io.ErrUnexpectedEOF, 0}, // which no reader should say
		{source{size - 1, failed}, failed, 0},
		{source{size, failed}, failed, 0}, // though it gave everything
	} {
		var to sink
		err := copyParts(c.source, &to, size, func(int64) error { return nil })
		if !errors.Is(err, c.want) || to.written != c.written {
			t.Errorf("a source that gives %d bytes of %d with %v: %v, and %d written; want %v, and %d", c.n, size, c.err, err, to.written, c.want, c.written)
		}
	}
}
