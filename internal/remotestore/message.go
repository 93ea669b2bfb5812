package remotestore

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/oxbow-events/oxbow/store"
)

// writeMessage writes JSON, and after it the bytes that it leaves out because it would make them slow. Each part has its length before it:
// 0 for nil, and otherwise one more than it is long.
func writeMessage(w io.Writer, v any, rest ...[]byte) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	for _, b := range append([][]byte{text}, rest...) {
		length := uint64(0)
		if b != nil {
			length = uint64(len(b)) + 1
		}
		if _, err := w.Write(binary.AppendUvarint(nil, length)); err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// readMessage reads the JSON of a message; readPart reads each part of the rest.
func readMessage(r *bufio.Reader, v any) error {
	text, err := readPart(r)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

func readPart(r *bufio.Reader) ([]byte, error) {
	length, err := binary.ReadUvarint(r)
	if err != nil || length == 0 {
		return nil, err
	}
	if length > 2*store.MaxCommit {
		return nil, fmt.Errorf("a part of %d bytes is larger than any commit", length)
	}
	b := make([]byte, length-1)
	if _, err = io.ReadFull(r, b); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}
