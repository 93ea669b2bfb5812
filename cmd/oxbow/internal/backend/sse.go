package backend

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// message is one message of an event stream (HTML Living Standard, part 9.2), as far as it matters here.
type message struct {
	id   string
	data []byte
}

const maxMessage = 32 << 20 // bytes of data in one message: more than the largest event takes

// messages yields the messages of an event stream, also those without data, and calls alive for each line. A stream that ends
// within a message has not sent it. The bytes are valid until the next message.
func messages(r io.Reader, alive func()) iter.Seq2[message, error] {
	return func(yield func(message, error) bool) {
		lines := bufio.NewReaderSize(r, 64<<10)
		var m message
		for {
			line, err := readLine(lines)
			if err != nil {
				if !errors.Is(err, io.EOF) {
					yield(message{}, err)
				}
				return
			}
			alive()
			if len(line) == 0 {
				if !yield(m, nil) {
					return
				}
				m.data = m.data[:0]
				continue
			}
			if err := m.field(line); err != nil {
				yield(message{}, err)
				return
			}
		}
	}
}

// field takes over one line. Comments and unknown fields are passed over.
func (m *message) field(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "id":
		m.id = string(value)
	case "data":
		if len(m.data)+len(value) > maxMessage {
			return fmt.Errorf("a message has more than %d bytes", maxMessage)
		}
		if len(m.data) > 0 {
			m.data = append(m.data, '\n')
		}
		m.data = append(m.data, value...)
	}
	return nil
}

// readLine returns a line without its end.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err == nil {
		return bytes.TrimRight(line, "\r\n"), nil
	}
	whole := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		if len(whole) > maxMessage {
			return nil, fmt.Errorf("a line has more than %d bytes", maxMessage)
		}
		line, err = r.ReadSlice('\n')
		whole = append(whole, line...)
	}
	return bytes.TrimRight(whole, "\r\n"), err
}
