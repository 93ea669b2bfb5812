package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/internal/doctest"
)

// TestTheDocumentsCommandsWork runs, page by page and in order, the lines of sh blocks that begin with oxbow or printf. A comment
// "exit code 3" says what a line ends with; a server runs until the next heading of the second level.
func TestTheDocumentsCommandsWork(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the pages are for a POSIX shell")
	}
	for _, page := range []string{"README.md", filepath.Join("docs", "cli.md")} {
		t.Run(page, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", "..", page))
			if err != nil {
				t.Fatal(err)
			}
			r := &reader{t: t, dir: t.TempDir(), addresses: map[string]string{}}
			for _, b := range doctest.Blocks(string(text)) {
				r.block(b, heading(string(text), b.Line))
			}
			r.stopServers()
			if strings.HasSuffix(page, "cli.md") && r.lines < 20 {
				t.Errorf("only %d commands were found", r.lines)
			}
		})
	}
}

// heading counts the headings of the second level above a line.
func heading(text string, line int) int {
	above := strings.Join(strings.SplitN(text, "\n", line)[:line-1], "\n")
	return strings.Count("\n"+above, "\n## ")
}

// reader is somebody who pastes a page's commands into a terminal.
type reader struct {
	t         *testing.T
	dir       string
	section   int
	lines     int
	servers   []*process
	addresses map[string]string // where servers listen, by where the page says they do
}

func (r *reader) block(b doctest.Block, section int) {
	if section != r.section {
		r.stopServers()
		r.section = section
	}
	if b.Lang != "sh" {
		return
	}
	for line := range strings.Lines(b.Text) {
		if strings.HasPrefix(line, "oxbow ") || strings.HasPrefix(line, "printf ") {
			r.line(strings.TrimSpace(line))
		}
	}
}

var addressOf = regexp.MustCompile(`--addr (\S+)`)

func (r *reader) line(line string) {
	r.lines++
	switch {
	case strings.HasPrefix(line, "oxbow serve"):
		address := "127.0.0.1:7070"
		if found := addressOf.FindStringSubmatch(line); found != nil {
			address = found[1]
		}
		server := r.start(addressOf.ReplaceAllString(line, "") + " --addr 127.0.0.1:0")
		r.servers = append(r.servers, server)
		r.addresses[address] = r.wait(server, `oxbow listens on http://(\S+)\n`)
	case strings.HasPrefix(line, "oxbow tail") && strings.Contains(line, "--server"):
		tail := r.start(line)
		r.wait(tail, `\n`)
		r.stop(tail, exitInterrupted)
	default:
		r.run(line)
	}
}

var codeOf = regexp.MustCompile(`# .*exit code (\d+)`)

func (r *reader) run(line string) {
	want := 0
	if found := codeOf.FindStringSubmatch(line); found != nil {
		want, _ = strconv.Atoi(found[1])
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	output, err := r.shell(ctx, line).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == want, err == nil && want == 0:
	default:
		r.t.Errorf("%s\nends with %v, want exit code %d:\n%s", line, err, want, output)
	}
}

// shell returns a line as a command, with the addresses that the servers have here.
func (r *reader) shell(ctx context.Context, line string) *exec.Cmd {
	for written, real := range r.addresses {
		line = strings.ReplaceAll(line, written, real)
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "NO_PROXY=*")
	return cmd
}

func (r *reader) start(line string) *process {
	p := &process{cmd: r.shell(context.Background(), "exec "+line), ended: make(chan error, 1)}
	if err := p.start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(p.kill)
	return p
}

func (r *reader) wait(p *process, pattern string) string {
	groups := p.stdout.wait(regexp.MustCompile(pattern))
	if groups == nil {
		r.t.Fatalf("%v wrote no %s:\n%s%s", p.cmd.Args, pattern, p.stdout.text(), p.stderr.text())
	}
	return string(groups[len(groups)-1])
}

func (r *reader) stop(p *process, want int) {
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		r.t.Error(err)
	}
	<-p.stderr.closed()
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		r.t.Errorf("%v ends with %d, want %d:\n%s", p.cmd.Args, got, want, p.stderr.text())
	}
}

func (r *reader) stopServers() {
	for _, server := range r.servers {
		r.stop(server, exitOK)
	}
	r.servers = nil
	clear(r.addresses)
}
