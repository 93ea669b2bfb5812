package server

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// pacedWriter writes a response in pieces, each of which the caller must take within the timeout: one that is slow gets through,
// one that has stopped is cut off.
type pacedWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

const paceBytes = 16 << 10

// errNotTaken is the caller's side of a stream that ended: it has gone, or has stopped taking bytes.
var errNotTaken = errors.New("bytes were not taken")

func (p *pacedWriter) Write(b []byte) (written int, err error) {
	for written < len(b) {
		if err := p.extend(); err != nil {
			return written, err
		}
		n, err := p.w.Write(b[written:min(len(b), written+paceBytes)])
		written += n
		if err != nil {
			return written, fmt.Errorf("%w: %w", errNotTaken, err)
		}
	}
	return written, nil
}

func (p *pacedWriter) flush() error {
	if err := p.extend(); err != nil {
		return err
	}
	if err := p.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errNotTaken, err)
	}
	return nil
}

// extend gives the caller new time. A writer without deadlines, such as a test's, has none to extend.
func (p *pacedWriter) extend() error {
	err := p.control.SetWriteDeadline(time.Now().Add(p.timeout))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
