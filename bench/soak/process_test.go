//go:build unix

package soak

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/internal/backoff"
	"github.com/oxbow-events/oxbow/internal/remotestore"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// role is what a process of its own does, as JSON in the environment.
type role struct {
	Store   bool // it has the store; else it consumes
	Dir     string
	Address string
	Number  int // of those that consume
}

const roleVariable = "OXBOW_SOAK_ROLE"

func TestMain(m *testing.M) {
	text, ok := os.LookupEnv(roleVariable)
	if !ok {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := play(ctx, text); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", text, err)
		os.Exit(1)
	}
}

func play(ctx context.Context, text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	if r.Store {
		return r.keepStore(ctx)
	}
	return r.consume(ctx)
}

func (r role) keepStore(ctx context.Context) error {
	l, err := filelog.Open(filepath.Join(r.Dir, "store"), filelog.Config{})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", r.Address)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	stop := remotestore.ServeOn(listener, l)
	<-ctx.Done()
	return errors.Join(stop(), l.Close())
}

// consume runs the four for as long as ctx, and again whenever one fails because the store does.
func (r role) consume(ctx context.Context) error {
	calls, err := mapCalls(r.Dir, r.Number)
	if err != nil {
		return err
	}
	t := &trouble{role: r, calls: calls}
	for ctx.Err() == nil {
		st := store.New(remotestore.Dial(r.Address), store.Config{})
		err := errors.Join(run(ctx, st, t), st.Close())
		if final(err) {
			return err
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "soak: again after:", err)
			_ = backoff.Sleep(ctx, 20*time.Millisecond)
		}
	}
	return nil
}

// final reports whether running again would not help.
func final(err error) bool {
	_, halted := errors.AsType[*consumer.HaltError](err)
	_, limited := errors.AsType[*consumer.LimitError](err)
	return halted || limited || errors.Is(err, store.ErrConflict)
}

// trouble is what a process that consumes has.
type trouble struct {
	role
	calls *[2 * consumers]atomic.Uint64 // how often each was called, and for how many events
}

func (t *trouble) called(who, events, number int) error {
	t.calls[who].Add(1)
	t.calls[consumers+who].Add(uint64(events))
	roll := rand.IntN(10_000)
	if who == totals {
		roll *= 50 // an event that fails costs a batch of many
	}
	switch {
	case who == counts && poisoned(number) && !t.mended():
		return consumer.Permanent(errTrouble)
	case roll < 100:
		return errTrouble
	case roll < 110:
		panic(errTrouble)
	case roll < 112 && who != totals: // which would halt a projection
		return consumer.Permanent(errTrouble)
	case roll < 120:
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

// mended reports whether the code can handle everything.
func (t *trouble) mended() bool {
	_, err := os.Stat(filepath.Join(t.Dir, "mended"))
	return err == nil
}

// mapCalls returns counters in a file, which outlive the process.
func mapCalls(dir string, number int) (*[2 * consumers]atomic.Uint64, error) {
	const size = 2 * consumers * 8
	f, err := os.OpenFile(callsFile(dir, number), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return nil, err
	}
	mapped, err := syscall.Mmap(int(f.Fd()), 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*[2 * consumers]atomic.Uint64)(unsafe.Pointer(&mapped[0])), nil
}

func callsFile(dir string, number int) string {
	return filepath.Join(dir, fmt.Sprint("calls-", number))
}

// readCalls adds up what the processes counted.
func readCalls(t *testing.T, dir string, processes int) (calls [2 * consumers]uint64) {
	t.Helper()
	for n := range processes {
		text, err := os.ReadFile(callsFile(dir, n))
		if err != nil {
			t.Fatal(err)
		}
		for i := range calls {
			calls[i] += binary.NativeEndian.Uint64(text[8*i:])
		}
	}
	return calls
}

// process is one that is started anew whenever it was killed.
type process struct {
	t      *testing.T
	role   role
	stderr *os.File
	cmd    *exec.Cmd
	paused bool
}

func (p *process) start() {
	p.t.Helper()
	text, err := json.Marshal(p.role)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), roleVariable+"="+string(text))
	p.cmd.Stderr = p.stderr
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal %v to %+v: %v", s, p.role, err)
	}
}

func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	_ = p.cmd.Wait() // it was killed
}

// stop ends a process as an operator would, and waits.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("%+v ended with %v", p.role, err)
	}
}
