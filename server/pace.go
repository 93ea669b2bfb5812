package server

import (
	"errors"
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

func (p *pacedWriter) Write(b []byte) (written int, err error) {
	for written < len(b) && err == nil {
		if err = p.extend(); err != nil {
			break
		}
		var n int
		n, err = p.w.Write(b[written:min(len(b), written+paceBytes)])
		written += n
	}
	return written, err
}

func (p *pacedWriter) flush() error {
	return errors.Join(p.extend(), p.control.Flush())
}

// extend gives the caller new time. A writer without deadlines, such as a test's, has none to extend.
func (p *pacedWriter) extend() error {
	err := p.control.SetWriteDeadline(time.Now().Add(p.timeout))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
