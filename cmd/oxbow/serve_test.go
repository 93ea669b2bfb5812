package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow"
	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/demo"
	"github.com/oxbow-events/oxbow/store/memory"
)

func TestAnAddressThatOthersReachIsWarnedOf(t *testing.T) {
	for address, c := range map[string]struct {
		url  string
		warn bool
	}{
		"127.0.0.1:7070": {"http://127.0.0.1:7070", false},
		"[::1]:7070":     {"http://[::1]:7070", false},
		"0.0.0.0:7070":   {"http://127.0.0.1:7070", true},
		"[::]:7070":      {"http://127.0.0.1:7070", true},
		"192.0.2.1:7070": {"http://192.0.2.1:7070", true},
	} {
		addr, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if err := (&cli{out: &out, err: &errs, data: "x"}).announce(addr, false); err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(out.String(), "\n"); first != "oxbow listens on "+c.url {
			t.Errorf("%s: %q; want %s", address, first, c.url)
		}
		if warned := strings.Contains(errs.String(), "no authentication"); warned != c.warn {
			t.Errorf("%s: warned %v, want %v", address, warned, c.warn)
		}
	}
}

func TestADemoThatIsStoppedWhileItLoadsIsNoFailure(t *testing.T) {
	driver := memory.New()
	defer driver.Close()
	app := oxbow.New(driver, oxbow.Config{Logger: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&cli{}).runDemo(ctx, app, demo.NewShop(app, demo.Pace)); err != nil {
		t.Error(err)
	}
}

func TestAddressesAreSplitIntoSchemeAndPath(t *testing.T) {
	for address, want := range map[string][2]string{
		"oxbow-data":    {"file", "oxbow-data"},
		"/var/lib/x:y":  {"file", "/var/lib/x:y"},
		"./a:b":         {"file", "./a:b"},
		`C:\data`:       {"file", `C:\data`},
		"file:data":     {"file", "data"},
		"file:C:/data":  {"file", "C:/data"},
		"memory:":       {"memory", ""},
		"postgres://db": {"postgres", "//db"},
	} {
		if scheme, path := splitAddress(address); scheme != want[0] || path != want[1] {
			t.Errorf("%s is %q, %q; want %q", address, scheme, path, want)
		}
	}
}

func TestEveryCommandShowsAnExample(t *testing.T) {
	root := (&cli{}).root()
	for _, command := range root.Commands() {
		if command.GroupID != "" && (!strings.Contains(command.Example, "oxbow "+command.Name()) || command.Long == "") {
			t.Errorf("the help of %s has no text or no example", command.Name())
		}
	}
}

func TestEveryExitCodeIsExplained(t *testing.T) {
	topic := exitCodesTopic().Long
	for _, o := range outcomes {
		if _, code := outcome(errors.Join(errors.New("x"), o.is)); code != o.code {
			t.Errorf("%v ends with %d, want %d", o.is, code, o.code)
		}
		if !strings.Contains(topic, fmt.Sprintf(" %d  ", o.code)) {
			t.Errorf("the topic exit-codes does not explain %d", o.code)
		}
	}
}
