package filelog

import (
	"errors"
	"io"
)

// window reads parts of a file. It reads exactly what is asked for where reads are far apart, and more and more ahead where they
// follow each other, in either direction.
type window struct {
	file  io.ReaderAt
	buf   []byte // the bytes of the file from off
	off   int64
	ahead int64
	limit int64 // what is behind may change, so it is not kept; 0 for none
}

const (
	near     = 32 << 10 // reads no farther apart than this follow each other
	minAhead = 8 << 10
	maxAhead = 1 << 20
)

// use points the window at another file.
func (w *window) use(f io.ReaderAt) {
	if w.file != f {
		w.file, w.buf, w.off, w.ahead = f, w.buf[:0], 0, 0
	}
}

// at returns n bytes from off, or as many as the file has. They are good until the next call.
func (w *window) at(off int64, n int) ([]byte, error) {
	end := off + int64(n)
	if off < w.off || end > w.off+int64(len(w.buf)) {
		if err := w.load(off, end); err != nil {
			return nil, err
		}
	}
	begin := min(off-w.off, int64(len(w.buf)))
	return w.buf[begin:min(end-w.off, int64(len(w.buf)))], nil
}

func (w *window) load(off, end int64) error {
	filled := w.off + int64(len(w.buf))
	switch {
	case len(w.buf) > 0 && off >= w.off && off-filled <= near: // forward
		w.readAhead()
		end = max(end, off+w.ahead)
	case len(w.buf) > 0 && off < w.off && w.off-end <= near: // backward
		w.readAhead()
		off = max(0, min(off, end-w.ahead))
	default:
		w.ahead = 0
	}
	if w.limit > 0 {
		end = min(end, w.limit)
	}
	return w.read(off, int(end-off))
}

func (w *window) readAhead() {
	w.ahead = min(max(2*w.ahead, minAhead), maxAhead)
}

func (w *window) read(off int64, n int) error {
	if cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	got, err := w.file.ReadAt(w.buf[:n], off)
	w.buf, w.off = w.buf[:got], off
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
