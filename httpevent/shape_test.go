package httpevent_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/httpevent"
)

// bare is a writer without any optional interface; the others add one each.
type bare struct{ header http.Header }

func (w bare) Header() http.Header         { return w.header }
func (w bare) Write(p []byte) (int, error) { return len(p), nil }
func (w bare) WriteHeader(int)             {}

var (
	errHijack = errors.New("no connection to take over")
	errPush   = errors.New("nothing to push to")
)

type (
	flusher  struct{ flushed *bool }
	hijacker struct{}
	pusher   struct{}
	copier   struct{ from *io.Reader }
)

func (f flusher) Flush()                                      { *f.flushed = true }
func (hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errHijack }
func (pusher) Push(string, *http.PushOptions) error           { return errPush }
func (c copier) ReadFrom(src io.Reader) (int64, error) {
	*c.from = src
	return io.Copy(io.Discard, src)
}

// handle calls the handler with the writer in a middleware.
func handle(t *testing.T, rec *recorder, w http.ResponseWriter, h http.HandlerFunc) {
	t.Helper()
	wrap(t, rec, httpevent.Config{}, h).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
}

func TestTheWriterHasExactlyTheInterfacesOfTheOneUnderIt(t *testing.T) {
	var (
		b       = bare{http.Header{}}
		flushed bool
		from    io.Reader
		f       = flusher{&flushed}
		c       = copier{&from}
	)
	for name, under := range map[string]http.ResponseWriter{
		"": b,
		"f": struct {
			bare
			flusher
		}{b, f},
		"h": struct {
			bare
			hijacker
		}{b, hijacker{}},
		"r": struct {
			bare
			copier
		}{b, c},
		"p": struct {
			bare
			pusher
		}{b, pusher{}},
		"fh": struct {
			bare
			flusher
			hijacker
		}{b, f, hijacker{}},
		"fr": struct {
			bare
			flusher
			copier
		}{b, f, c},
		"fp": struct {
			bare
			flusher
			pusher
		}{b, f, pusher{}},
		"hr": struct {
			bare
			hijacker
			copier
		}{b, hijacker{}, c},
		"hp": struct {
			bare
			hijacker
			pusher
		}{b, hijacker{}, pusher{}},
		"rp": struct {
			bare
			copier
			pusher
		}{b, c, pusher{}},
		"fhr": struct {
			bare
			flusher
			hijacker
			copier
		}{b, f, hijacker{}, c},
		"fhp": struct {
			bare
			flusher
			hijacker
			pusher
		}{b, f, hijacker{}, pusher{}},
		"frp": struct {
			bare
			flusher
			copier
			pusher
		}{b, f, c, pusher{}},
		"hrp": struct {
			bare
			hijacker
			copier
			pusher
		}{b, hijacker{}, c, pusher{}},
		"fhrp": struct {
			bare
			flusher
			hijacker
			copier
			pusher
		}{b, f, hijacker{}, c, pusher{}},
	} {
		t.Run(name, func(t *testing.T) {
			flushed, from = false, nil
			rec := newRecorder()
			handle(t, rec, under, func(w http.ResponseWriter, _ *http.Request) {
				found := ""
				if f, ok := w.(http.Flusher); ok {
					found += "f"
					if f.Flush(); !flushed {
						t.Error("Flush did not reach the writer")
					}
				}
				if h, ok := w.(http.Hijacker); ok {
					found += "h"
					if _, _, err := h.Hijack(); err != errHijack {
						t.Errorf("Hijack returned %v", err)
					}
				}
				if r, ok := w.(io.ReaderFrom); ok {
					found += "r"
					src := strings.NewReader("abc")
					if n, err := r.ReadFrom(src); n != 3 || err != nil || from != src {
						t.Errorf("ReadFrom returned %d, %v, and the writer read from %v, want the very source", n, err, from)
					}
				}
				if p, ok := w.(http.Pusher); ok {
					found += "p"
					if err := p.Push("/style.css", nil); err != errPush {
						t.Errorf("Push returned %v", err)
					}
				}
				if found != name {
					t.Errorf("the handler finds %q, want %q", found, name)
				}
			})
			if rec.request(t).Data.Hijacked {
				t.Error("a hijack that failed is told as one")
			}
		})
	}
}

// hidden shows what is under it to http.ResponseController only.
type hidden struct {
	bare
	under http.ResponseWriter
}

func (w hidden) Unwrap() http.ResponseWriter { return w.under }

// taken can be taken over, and knows no error.
type taken struct{ bare }

func (taken) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

func TestAHijackFurtherDownIsNoticed(t *testing.T) {
	rec := newRecorder()
	w := hidden{bare{http.Header{}}, taken{}}
	handle(t, rec, w, func(w http.ResponseWriter, _ *http.Request) {
		if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
			t.Error(err)
		}
	})
	if data := rec.request(t).Data; !data.Hijacked || data.Status != 0 {
		t.Errorf("the event says %+v, want hijacked and no status", data)
	}
}

func TestTheControllerTellsWhatIsNotSupported(t *testing.T) {
	rec := newRecorder()
	handle(t, rec, bare{http.Header{}}, func(w http.ResponseWriter, _ *http.Request) {
		control := http.NewResponseController(w)
		if err := control.Flush(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Flush returned %v", err)
		}
		if _, _, err := control.Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack returned %v", err)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	if data := rec.request(t).Data; data.Status != http.StatusTeapot || data.Hijacked {
		t.Errorf("the event says %+v, want status 418", data)
	}
}
