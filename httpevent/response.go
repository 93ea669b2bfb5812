package httpevent

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
)

// response counts what a handler answers. Handlers get it with the abilities of the writer under it: see shape.
type response struct {
	under    http.ResponseWriter
	own      [2]string // the values of our headers
	head     bool      // the server sends no body, though it takes one
	hijacked bool
	status   int // the final one; 0 until it is known
	bytes    int64
}

// sign sets our headers. Each value has a slice of its own, so that a handler that adds to it copies it.
func (w *response) sign() {
	h := w.under.Header()
	if w.own[0] != "" {
		h[correlationHeader] = w.own[0:1:1]
	}
	h[parentHeader] = w.own[1:2:2]
}

// single keeps one value of each header when the handler added the headers of another answer, as a proxy does.
func (w *response) single() {
	h := w.under.Header()
	for _, name := range [...]string{correlationHeader, parentHeader} {
		if values := h[name]; len(values) > 1 {
			h[name] = values[:1:1]
		}
	}
}

func (w *response) Header() http.Header { return w.under.Header() }

// Unwrap lets http.ResponseController find what is under it.
func (w *response) Unwrap() http.ResponseWriter { return w.under }

// WriteHeader counts the first final status. Those before it, from 100 to 199 but for 101, are informational.
func (w *response) WriteHeader(status int) {
	final := status >= 200 || status == http.StatusSwitchingProtocols
	if !final || w.status != 0 {
		w.under.WriteHeader(status)
		return
	}
	w.single()
	w.under.WriteHeader(status) // which panics when it is none
	if !w.hijacked {
		w.status = status
	}
}

func (w *response) Write(p []byte) (int, error) {
	w.begin()
	n, err := w.under.Write(p)
	w.wrote(int64(n))
	return n, err
}

// WriteString spares io.WriteString a copy.
func (w *response) WriteString(s string) (int, error) {
	w.begin()
	n, err := io.WriteString(w.under, s)
	w.wrote(int64(n))
	return n, err
}

// begin is called when the status becomes 200 unless the handler said another one.
func (w *response) begin() {
	if w.status == 0 && !w.hijacked {
		w.single()
		w.status = http.StatusOK
	}
}

func (w *response) wrote(n int64) {
	if !w.head {
		w.bytes += n
	}
}

// FlushError is what http.ResponseController looks for; it is http.ErrNotSupported when nothing under it can flush.
func (w *response) FlushError() error {
	err := http.NewResponseController(w.under).Flush()
	if !errors.Is(err, http.ErrNotSupported) {
		w.begin()
	}
	return err
}

func (w *response) flush() { _ = w.FlushError() } // http.Flusher has no place for an error; the next Write will have it

func (w *response) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.under).Hijack()
	w.hijacked = w.hijacked || err == nil
	return conn, buffer, err
}

// readFrom leaves the copying to the server, which may leave it to the kernel.
func (w *response) readFrom(src io.Reader) (int64, error) {
	w.single()
	n, err := w.under.(io.ReaderFrom).ReadFrom(src)
	if n > 0 { // of nothing nothing is written, and the status is still open
		w.begin()
	}
	w.wrote(n)
	return n, err
}

func (w *response) push(target string, opts *http.PushOptions) error {
	return w.under.(http.Pusher).Push(target, opts)
}

// conclude settles the status when the handler is through.
func (w *response) conclude(aborted, failed bool, r *http.Request) {
	switch {
	case w.status != 0:
	case w.hijacked && r.Header.Get("Upgrade") != "":
		w.status = http.StatusSwitchingProtocols
	case w.hijacked:
	case failed:
		w.status = http.StatusInternalServerError
	case !aborted:
		w.status = http.StatusOK
	}
}
