package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for what a process must do; it is only used up when something is broken.
const patience = 30 * time.Second

const sharedData = "../../../shared/data/github-webhooks.ndjson" // beside the checkout, on the machines that build Oxbow

func setup(env *testscript.Env) error {
	env.Setenv("NO_PROXY", "*")
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would let every process sleep for a second at its end
	env.Setenv("NEWLINE", "a\nb")
	if path, err := filepath.Abs(sharedData); err == nil {
		env.Setenv("WEBHOOKS", path)
	}
	for name, size := range map[string]int{"medium.json": 200_000, "large.json": 20 << 20} { // long numbers
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), bytes.Repeat([]byte("1"), size), 0o600); err != nil {
			return err
		}
	}
	env.Values["processes"] = map[string]*process{}
	return nil
}

// condition knows [webhooks]: the whole file of deliveries lies beside the checkout.
func condition(name string) (bool, error) {
	if name != "webhooks" {
		return false, errors.New("unknown condition " + name)
	}
	_, err := os.Stat(sharedData)
	return err == nil, nil
}

// exits CODE PROGRAM ARG… runs a program that must end with that code. Its output is what stdout and stderr look at.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG…")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s\nstdout: %s\nstderr: %s", got, args[0], ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// lines FILE N: the file, or stdout, has so many lines.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	if got := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(got) != args[1] {
		ts.Fatalf("%s has %d lines, want %s:\n%s", args[0], got, args[1], ts.ReadFile(args[0]))
	}
}

// replace FILE OFFSET TEXT writes over the bytes of a file; a negative offset counts from its end.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OFFSET TEXT")
	}
	name := ts.MkAbs(args[0])
	content, err := os.ReadFile(name)
	ts.Check(err)
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	if offset < 0 {
		offset += len(content)
	}
	copy(content[offset:], args[2])
	ts.Check(os.WriteFile(name, content, 0o600))
}

// process is a program that runs beside the script.
type process struct {
	cmd    *exec.Cmd
	stdout watched
	stderr watched
	ended  chan error // what Wait returned
}

func (p *process) start() error {
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() {
		p.ended <- p.cmd.Wait()
		p.stdout.close()
		p.stderr.close()
	}()
	return nil
}

// kill ends the process, unless it has ended, and waits for it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.stderr.closed()
}

func (p *process) output(name string) *watched {
	if name == "stderr" {
		return &p.stderr
	}
	return &p.stdout
}

// start NAME PROGRAM ARG… runs a program beside the script, until ends or the end of the script.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: start NAME PROGRAM ARG…")
	}
	program, err := exec.LookPath(args[1])
	if args[1] == "oxbow" {
		program, err = filepath.Join(firstPath(ts), "oxbow"+exeSuffix()), nil
	}
	ts.Check(err)
	p := &process{cmd: exec.Command(program, args[2:]...), ended: make(chan error, 1)}
	p.cmd.Dir, p.cmd.Env = ts.MkAbs("."), environment(ts)
	ts.Check(p.start())
	processes(ts)[args[0]] = p
	ts.Defer(p.kill)
}

// await NAME stdout|stderr REGEXP waits for output, and keeps its first group in the variable NAME_found.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: await NAME stdout|stderr REGEXP")
	}
	output := find(ts, args[0]).output(args[1])
	groups := output.wait(regexp.MustCompile(args[2]))
	if groups == nil {
		ts.Fatalf("%s wrote no %s:\n%s", args[0], args[2], output.text())
	}
	ts.Setenv(args[0]+"_found", string(groups[len(groups)-1]))
}

// signal NAME TERM|INT|KILL sends a signal.
func signalProcess(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": os.Interrupt, "KILL": os.Kill}
	if neg || len(args) != 2 || signals[args[1]] == nil {
		ts.Fatalf("usage: signal NAME TERM|INT|KILL")
	}
	ts.Check(find(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

// ends NAME CODE waits for a program's end. Its output is what stdout and stderr look at then.
func ends(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: ends NAME CODE")
	}
	p := find(ts, args[0])
	select {
	case <-p.ended:
	case <-time.After(patience):
		ts.Fatalf("%s does not end\nstdout: %s\nstderr: %s", args[0], p.stdout.text(), p.stderr.text())
	}
	<-p.stderr.closed()
	if got := strconv.Itoa(p.cmd.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("exit code %s, want %s\nstdout: %s\nstderr: %s", got, args[1], p.stdout.text(), p.stderr.text())
	}
	_, _ = ts.Stdout().Write(p.stdout.text())
	_, _ = ts.Stderr().Write(p.stderr.text())
}

func processes(ts *testscript.TestScript) map[string]*process {
	return ts.Value("processes").(map[string]*process)
}

func find(ts *testscript.TestScript, name string) *process {
	p := processes(ts)[name]
	if p == nil {
		ts.Fatalf("there is no process %s", name)
	}
	return p
}

func firstPath(ts *testscript.TestScript) string { return filepath.SplitList(ts.Getenv("PATH"))[0] }

func exeSuffix() string {
	if os.PathSeparator == '\\' {
		return ".exe"
	}
	return ""
}

func environment(ts *testscript.TestScript) []string {
	env := os.Environ()
	for _, name := range []string{"HOME", "PATH", "NO_PROXY", "TMPDIR", "NO_COLOR", "WORK", "GORACE"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	return env
}

// watched keeps what is written to it and wakes whoever waits for it.
type watched struct {
	mu      sync.Mutex
	content bytes.Buffer
	changed chan struct{} // closed at the next change; nil when nobody waits
	done    chan struct{}
	ended   bool
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake()
	return w.content.Write(b)
}

func (w *watched) wake() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

func (w *watched) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.wake()
	if w.done == nil {
		w.done = make(chan struct{})
	}
	close(w.done)
}

func (w *watched) closed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done == nil {
		w.done = make(chan struct{})
	}
	return w.done
}

func (w *watched) text() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.content.Bytes())
}

// wait returns the groups of the first match, or nil when the process ends, or patience, without one.
func (w *watched) wait(pattern *regexp.Regexp) [][]byte {
	deadline := time.After(patience)
	for {
		found, changed := w.look(pattern)
		if found != nil || changed == nil {
			return found
		}
		select {
		case <-changed:
		case <-deadline:
			return nil
		}
	}
}

// look returns the groups of the first match, or what is closed at the next change; neither after the end.
func (w *watched) look(pattern *regexp.Regexp) (found [][]byte, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if groups := pattern.FindSubmatch(w.content.Bytes()); groups != nil {
		for i := range groups {
			groups[i] = bytes.Clone(groups[i])
		}
		return groups, nil
	}
	if w.ended {
		return nil, nil
	}
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return nil, w.changed
}
