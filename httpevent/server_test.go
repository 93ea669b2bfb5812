package httpevent_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/httpevent"
)

// serve starts a server on 127.0.0.1 with the handler in a middleware. version 2 is HTTP/2, over TLS.
func serve(t *testing.T, version int, pub httpevent.Publisher, cfg httpevent.Config, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(wrap(t, pub, cfg, h))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if version == 2 {
		server.EnableHTTP2 = true
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// ask sends a request and returns the answer, read whole.
func ask(t *testing.T, server *httptest.Server, method, path string, body io.Reader) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	return answerOf(t, server, r)
}

func answerOf(t *testing.T, server *httptest.Server, r *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

func TestARequestBecomesAnEvent(t *testing.T) {
	for version, protocol := range map[int]string{1: "HTTP/1.1 http", 2: "HTTP/2.0 https"} {
		t.Run(protocol, func(t *testing.T) {
			rec := newRecorder()
			mux := http.NewServeMux()
			mux.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusCreated)
				io.WriteString(w, "placed")
			})
			server := serve(t, version, rec, httpevent.Config{}, mux)
			resp, text := ask(t, server, "POST", "/orders/42?q=1", io.MultiReader(strings.NewReader("one"), strings.NewReader("more"))) // chunked
			if resp.StatusCode != http.StatusCreated || text != "placed" {
				t.Errorf("answered %d %q", resp.StatusCode, text)
			}
			rec.wait(t, 1)
			e := rec.request(t)
			if e.Data.Duration <= 0 {
				t.Errorf("took %v", e.Data.Duration)
			}
			e.Data.Duration = 0
			protocol, scheme, _ := strings.Cut(protocol, " ")
			want := httpevent.Request{
				Method: "POST", Route: "/orders/{id}", Status: 201, RequestBytes: 7, ResponseBytes: 6,
				Scheme: scheme, Protocol: protocol,
			}
			if e.Data != want {
				t.Errorf("the event says %+v, want %+v", e.Data, want)
			}
			if e.Type != "http.request" || e.Stream != "http-POST /orders/{id}" || !e.CausationID.IsZero() {
				t.Errorf("the event is %s in %s, caused by %v", e.Type, e.Stream, e.CausationID)
			}
			if _, failed := rec.failure(t); failed {
				t.Error("there is an error event")
			}
		})
	}
}

func TestStatusAndSizeAreCountedAsTheServerSendsThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 100_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	type want struct {
		status int
		bytes  int64
	}
	for name, c := range map[string]struct {
		method string
		handle http.HandlerFunc
		want   want
	}{
		"nothing": {"GET", func(http.ResponseWriter, *http.Request) {}, want{200, 0}},
		"a body without a status": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("ab"))
			io.WriteString(w, "c")
		}, want{200, 3}},
		"an empty write": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Write(nil)
			w.WriteHeader(404)
		}, want{200, 0}},
		"two statuses": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			w.WriteHeader(500)
			io.WriteString(w, "gone")
		}, want{404, 4}},
		"a status after the body": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "all well")
			w.WriteHeader(500)
		}, want{200, 8}},
		"informational ones": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(103)
			w.WriteHeader(102)
			w.WriteHeader(202)
		}, want{202, 0}},
		"informational and no other": {"GET", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103) }, want{200, 0}},
		"not modified": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(304)
			if n, err := io.WriteString(w, "body"); n != 0 || err == nil {
				t.Errorf("wrote %d bytes of a 304", n)
			}
		}, want{304, 0}},
		"HEAD":           {"HEAD", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "body") }, want{200, 0}},
		"HEAD of a file": {"HEAD", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }, want{200, 0}},
		"a file":         {"GET", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }, want{200, 100_000}},
		"a range of a file": {"GET", func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Range", "bytes=10-19")
			http.ServeFile(w, r, file)
		}, want{206, 10}},
		"a copy of nothing": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, io.LimitReader(strings.NewReader(""), 1)) // which takes ReadFrom
			w.WriteHeader(404)
		}, want{404, 0}},
		"a copy": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			io.Copy(w, io.LimitReader(strings.NewReader("abcdef"), 4))
			w.WriteHeader(500)
		}, want{200, 4}},
		"a flush": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			w.WriteHeader(500)
		}, want{200, 0}},
		"a flush by the controller": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			w.WriteHeader(500)
		}, want{200, 0}},
		"a deadline by the controller": {"GET", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
				t.Error(err)
			}
		}, want{200, 0}},
	} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/HTTP %d", name, version), func(t *testing.T) {
				rec := newRecorder()
				server := serve(t, version, rec, httpevent.Config{}, c.handle)
				resp, text := ask(t, server, c.method, "/", nil)
				rec.wait(t, 1)
				data := rec.request(t).Data
				if got := (want{data.Status, data.ResponseBytes}); got != c.want {
					t.Errorf("the event says %+v, want %+v", got, c.want)
				}
				if got := (want{resp.StatusCode, int64(len(text))}); got != c.want {
					t.Errorf("the client got %+v, want %+v", got, c.want)
				}
			})
		}
	}
}

func TestWhatTheServerDoesNotTakeIsNotCounted(t *testing.T) {
	rec := newRecorder()
	server := serve(t, 1, rec, httpevent.Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "2")
		io.WriteString(w, "ab")
		if n, err := io.WriteString(w, "cd"); n != 0 || err != http.ErrContentLength {
			t.Errorf("wrote %d bytes too many: %v", n, err)
		}
	}))
	ask(t, server, "GET", "/", nil)
	rec.wait(t, 1)
	if data := rec.request(t).Data; data.ResponseBytes != 2 {
		t.Errorf("the event says %+v, want 2 bytes", data)
	}
}

func TestInformationalAnswersReachTheClient(t *testing.T) {
	rec := newRecorder()
	server := serve(t, 1, rec, httpevent.Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(103)
		io.WriteString(w, "page")
	}))
	var early []int
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(status int, _ textproto.MIMEHeader) error {
			early = append(early, status)
			return nil
		},
	})
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, text := answerOf(t, server, r); resp.StatusCode != 200 || text != "page" || !slices.Equal(early, []int{103}) {
		t.Errorf("the client got %v, then %d %q", early, resp.StatusCode, text)
	}
}

func TestServerSentEventsArriveAsTheyAreSent(t *testing.T) {
	rec := newRecorder()
	more := make(chan struct{})
	server := serve(t, 1, rec, httpevent.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			io.WriteString(w, "data: x\n\n")
			w.(http.Flusher).Flush()
			select {
			case <-more:
			case <-r.Context().Done():
				return
			}
		}
	}))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for range 3 {
		if !lines.Scan() || lines.Text() != "data: x" || !lines.Scan() {
			t.Fatalf("read %q, %v", lines.Text(), lines.Err())
		}
		more <- struct{}{} // the next one is sent only when this one has arrived
	}
	cancel()
	rec.wait(t, 1) // the client is gone, and the event comes all the same
	if data := rec.request(t).Data; data.Status != 200 || data.ResponseBytes != 4*9 {
		t.Errorf("the event says %+v, want status 200 and 36 bytes", data)
	}
	if err := rec.contexts[0].Err(); err != nil {
		t.Errorf("the event was published with a context that had ended: %v", err)
	}
}

func TestAHijackedConnectionIsTheHandlers(t *testing.T) {
	for name, c := range map[string]struct {
		header string
		hijack func(http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error)
		want   int
	}{
		"by type assertion": {"Upgrade: websocket\r\n", func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return w.(http.Hijacker).Hijack()
		}, 101},
		"by the controller": {"Upgrade: websocket\r\n", func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return http.NewResponseController(w).Hijack()
		}, 101},
		"after a status": {"Upgrade: websocket\r\n", func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			w.WriteHeader(101)
			return w.(http.Hijacker).Hijack()
		}, 101},
		"after a status, without a header": {"", func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			w.WriteHeader(101)
			return w.(http.Hijacker).Hijack()
		}, 101},
		"for something else": {"", func(w http.ResponseWriter) (net.Conn, *bufio.ReadWriter, error) {
			return w.(http.Hijacker).Hijack()
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			rec := newRecorder()
			server := serve(t, 1, rec, httpevent.Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				conn, buffer, err := c.hijack(w)
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				line, _ := buffer.ReadString('\n')
				fmt.Fprintf(conn, "you said %s", line)
				if _, err := w.Write([]byte("x")); err != http.ErrHijacked {
					t.Errorf("a write after the hijack returned %v", err)
				}
			}))
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n%s\r\nhello\n", c.header)
			if got, _ := io.ReadAll(conn); !strings.HasSuffix(string(got), "you said hello\n") {
				t.Errorf("the connection answered %q", got)
			}
			rec.wait(t, 1)
			if data := rec.request(t).Data; data.Status != c.want || !data.Hijacked || data.ResponseBytes != 0 {
				t.Errorf("the event says %+v, want status %d and hijacked", data, c.want)
			}
		})
	}
}

func TestTheServerRemovesTheFilesOfAForm(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	rec := newRecorder()
	server := serve(t, 1, rec, httpevent.Config{}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1); err != nil {
			t.Error(err)
		}
		if files, _ := os.ReadDir(dir); len(files) != 1 {
			t.Errorf("the form has %d files, want 1", len(files))
		}
	}))
	body := "--b\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n" + strings.Repeat("x", 20<<20) + "\r\n--b--\r\n"
	r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	answerOf(t, server, r)
	server.Close()
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("%d files are left", len(files))
	}
}
