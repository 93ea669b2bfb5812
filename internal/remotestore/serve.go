package remotestore

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/oxbow-events/oxbow/store"
)

// Serve serves the driver on a free port of the loopback address until stop is called, which ends all calls and leaves the driver open.
func Serve(d store.Driver) (address string, stop func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("serve store: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := &http.Server{Handler: &handler{d}, BaseContext: func(net.Listener) context.Context { return ctx }}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	stop = func() error {
		cancel()
		err := server.Close()
		if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}
	return l.Addr().String(), stop, nil
}

type handler struct{ store.Driver }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q request
	body := bufio.NewReader(r.Body)
	err := readMessage(body, &q)
	var c store.Commit
	if err == nil {
		c, err = q.commit(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := &writer{w: w}
	if err := h.answer(r.Context(), r.URL.Path, &q, c, out); err != nil {
		out.write(answer{Error: packError(err)})
		return
	}
	out.write(answer{End: true})
}

// answer writes all answers but the last. Its error is the call's, not one of writing: who does not listen any more needs no answer.
func (h *handler) answer(ctx context.Context, call string, q *request, c store.Commit, out *writer) error {
	switch call {
	case "/append":
		receipt, err := h.Append(ctx, c)
		return out.one(answer{Receipt: &receipt}, err)
	case "/read":
		for r, err := range h.Read(ctx, q.Query) {
			if err != nil || !out.write(answer{Record: true, record: r}) {
				return err
			}
		}
		return nil
	case "/head":
		head, err := h.Head(ctx)
		return out.one(answer{Position: head}, err)
	case "/wait":
		head, err := h.Wait(ctx, q.After)
		return out.one(answer{Position: head}, err)
	case "/get":
		item, err := h.Get(ctx, string(q.Bucket), string(q.Key))
		return out.one(answer{Item: &item}, err)
	case "/list":
		for item, err := range h.List(ctx, string(q.Bucket), string(q.From), string(q.To)) {
			if err != nil || !out.write(answer{Item: &item}) {
				return err
			}
		}
		return nil
	default:
		return fmt.Errorf("%s is no call of a store", call)
	}
}

// writer sends answers: the first at once, so that a reader that has it knows that the iteration has begun.
type writer struct {
	w     http.ResponseWriter
	begun bool
}

// one writes the only answer, unless there is an error instead.
func (w *writer) one(a answer, err error) error {
	if err == nil {
		w.begun = true
		w.write(a)
	}
	return err
}

// write reports whether somebody still listens.
func (w *writer) write(a answer) bool {
	if err := a.write(w.w); err != nil {
		return false
	}
	if w.begun {
		return true
	}
	w.begun = true
	return http.NewResponseController(w.w).Flush() == nil
}
