package backend

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestMessages(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for name, c := range map[string]struct{ stream, want string }{
		"one":                 {"id: 3\ndata: a\n\n", "3=a;"},
		"the id stays":        {"id: 3\ndata: a\n\ndata: b\n\n", "3=a;3=b;"},
		"without data":        {"id: 3\n:\n\n", "3=;"},
		"two lines of data":   {"data: a\ndata: b\n\n", "=a\nb;"},
		"carriage returns":    {"id: 3\r\ndata: a\r\n\r\n", "3=a;"},
		"no space":            {"id:3\ndata:a\n\n", "3=a;"},
		"unknown fields":      {"retry: 2000\nevent: x\nid: 3\ndata: a\n\n", "3=a;"},
		"cut off":             {"id: 3\ndata: a\n\nid: 4\ndata: b\n", "3=a;"},
		"a line beyond 64 KB": {"data: " + long + "\n\n", "=" + long + ";"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := read(t, strings.NewReader(c.stream)); got != c.want {
				t.Errorf("got %.100q, want %.100q", got, c.want)
			}
		})
	}
}

func TestALineWithoutEndIsRefused(t *testing.T) {
	for _, err := range messages(endless{}, func() {}) {
		if err == nil {
			t.Error("a message came of it")
		}
		return
	}
	t.Error("no error")
}

// endless is a line that never ends.
type endless struct{}

var chunk = bytes.Repeat([]byte("x"), 64<<10)

func (endless) Read(b []byte) (int, error) { return copy(b, chunk), nil }

func read(t *testing.T, r io.Reader) string {
	var b strings.Builder
	for m, err := range messages(r, func() {}) {
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(m.id + "=" + string(m.data) + ";")
	}
	return b.String()
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte("id: 3\ndata: a\n\n:\n\n"))
	f.Add([]byte("data\n\r\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		n := 0
		for m, err := range messages(bytes.NewReader(stream), func() {}) {
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if len(m.data) > len(stream) {
				t.Fatal("more data than there was")
			}
			n++
		}
		if n > len(stream) {
			t.Fatal("more messages than lines")
		}
	})
}
