package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
)

// payload returns the data argument, or what standard input holds for "-".
func payload(stdin io.Reader, arg string) (json.RawMessage, error) {
	data := []byte(arg)
	if arg == "-" {
		var err error
		if data, err = readAll(stdin, store.MaxData, "data"); err != nil {
			return nil, err
		}
	}
	var anything any
	if err := (event.JSON{}).Decode(data, &anything); err != nil {
		return nil, event.Invalid("data", "is not JSON: %v; quote it for the shell, as in '{\"total\":1}'", err)
	}
	return json.RawMessage(strings.TrimSpace(string(data))), nil
}

// readAll reads r to its end, but no more than limit bytes.
func readAll(r io.Reader, limit int64, field string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", field, err)
	}
	if int64(len(data)) > limit {
		return nil, event.Invalid(field, "has more than %d bytes", limit)
	}
	return data, nil
}

func readFileOrStdin(name string, stdin io.Reader, limit int64) ([]byte, error) {
	if name == "-" {
		return readAll(stdin, limit, "standard input")
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readAll(file, limit, name)
}
