package server_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/server"
	"github.com/oxbow-events/oxbow/store"
)

func TestNewNamesTheBadField(t *testing.T) {
	st := newStore(t)
	for _, c := range []struct {
		field string
		cfg   server.Config
	}{
		{"Store", server.Config{}},
		{"Types", server.Config{Store: st, Types: []string{"a b"}}},
		{"MaxBodyBytes", server.Config{Store: st, MaxBodyBytes: -1}},
		{"StopTimeout", server.Config{Store: st, StopTimeout: -time.Second}},
	} {
		_, err := server.New(c.cfg)
		if !errors.Is(err, event.ErrInvalid) || !strings.Contains(err.Error(), c.field) {
			t.Errorf("New with a bad %s: %v", c.field, err)
		}
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	run := serve(t, server.Config{})
	if rep := get(t, run.url+"/health"); rep.status != http.StatusOK {
		t.Fatalf("health: %d %s", rep.status, rep.body)
	}
	run.stop()
	if err := run.result(); err != nil {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := http.Get(run.url + "/health"); err == nil {
		t.Error("the server still answers after Serve returned")
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	s := newServer(t, server.Config{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve returned %v, want net.ErrClosed", err)
	}
}

// slowStore commits when it is told to.
type slowStore struct {
	*store.Store
	entered chan struct{} // receives a value when a commit has begun
	release chan struct{}
	linger  time.Duration // after the context has ended
}

func newSlowStore(st *store.Store) *slowStore {
	return &slowStore{Store: st, entered: make(chan struct{}), release: make(chan struct{})}
}

func (s *slowStore) Commit(ctx context.Context, c store.Commit) (store.Receipt, error) {
	s.entered <- struct{}{}
	select {
	case <-s.release:
		return s.Store.Commit(ctx, c)
	case <-ctx.Done():
		time.Sleep(s.linger) // of the bubble
		return store.Receipt{}, ctx.Err()
	}
}

// postPiped sends one event and returns what came of it.
func (p piped) post(t *testing.T) <-chan error {
	done := make(chan error, 1)
	go func() {
		res, err := p.client.Post("http://oxbow/v1/events", structured, strings.NewReader(cloudEvent("1", "a.b", "")))
		if err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusCreated {
				err = errors.New(res.Status)
			}
		}
		done <- err
	}()
	return done
}

func TestStopLetsRunningRequestsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newSlowStore(newStore(t))
		run := servePiped(t, server.Config{Store: st.Store, Publisher: st})
		posted := run.post(t)
		<-st.entered
		run.stop()
		time.Sleep(5 * time.Second) // of the bubble: less than the 10s that a stop may take
		select {
		case err := <-run.served:
			t.Fatalf("Serve returned %v while a request was running", err)
		default:
		}
		close(st.release)
		if err := <-posted; err != nil {
			t.Errorf("the running request: %v", err)
		}
		if err := <-run.served; err != nil {
			t.Errorf("Serve returned %v", err)
		}
	})
}

func TestStopCutsOffWhatDoesNotFinishInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newSlowStore(newStore(t))
		run := servePiped(t, server.Config{Store: st.Store, Publisher: st, StopTimeout: 3 * time.Second})
		posted := run.post(t)
		<-st.entered
		began := time.Now()
		run.stop()
		err := <-run.served
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "3s") {
			t.Errorf("Serve returned %v", err)
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("stopping took %v, want 3s", took)
		}
		if err := <-posted; err == nil {
			t.Error("the request that was cut off succeeded")
		}
		if n := len(stored(t, st.Store)); n != 0 {
			t.Errorf("%d events stored", n)
		}
	})
}

func TestServeOutlivesWhatItCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newSlowStore(newStore(t))
		st.linger = 2 * time.Second
		run := servePiped(t, server.Config{Store: st.Store, Publisher: st, StopTimeout: 3 * time.Second})
		posted := run.post(t)
		<-st.entered
		began := time.Now()
		run.stop()
		<-run.served
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("Serve returned after %v, want 5s: 3s to stop and 2s until the request had ended", took)
		}
		<-posted
	})
}
