package ndjson

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lines reads lines of at most max bytes.
type lines struct {
	in     *bufio.Reader
	max    int
	number int    // of the line read last, from 1
	long   []byte // a line that does not fit into in's buffer
}

var errTooLong = errors.New("line too long")

var byteOrderMark = []byte("\xef\xbb\xbf")

// next returns the next line without its break, until the call after it. Behind the last one it returns io.EOF. A line that is
// too long is skipped, not kept, and reported as errTooLong.
func (l *lines) next() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	if err == io.EOF && len(line) == 0 {
		return nil, io.EOF
	}
	l.number++
	if err == bufio.ErrBufferFull {
		line, err = l.rest(line)
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	if l.number == 1 {
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if len(line) > l.max {
		return nil, errTooLong
	}
	return line, nil
}

// rest reads on in the line that begins with start.
func (l *lines) rest(start []byte) (line []byte, err error) {
	l.long = append(l.long[:0], start...)
	for {
		more, err := l.in.ReadSlice('\n')
		if len(l.long) <= l.max {
			l.long = append(l.long, more...)
		}
		if err != bufio.ErrBufferFull {
			return l.long, err
		}
	}
}
