package screen_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/oxbow-events/oxbow/cmd/oxbow/internal/screen"
)

func TestCleanEscapesWhatSteersATerminal(t *testing.T) {
	for text, want := range map[string]string{
		"plain":           "plain",
		"é 漢字 👩‍🚀":        "é 漢字 👩‍🚀",
		"\x1b[31mred\x07": `\u001b[31mred\u0007`,
		"a\nb\tc":         `a\u000ab\u0009c`,
		"\u009b31m":       `\u009b31m`,
		"\u202eevil":      `\u202eevil`,
		"\xff\xfe":        `\xff\xfe`,
		"\uFFFD":          "\uFFFD",
		"a\u2028b":        `a\u2028b`,
	} {
		if got := screen.Clean(text); got != want {
			t.Errorf("Clean(%q) is %q, want %q", text, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("\x1b[31m\xff\u202e")
	f.Fuzz(func(t *testing.T, text string) {
		clean := screen.Clean(text)
		if !utf8.ValidString(clean) || strings.IndexFunc(clean, unicode.IsControl) >= 0 {
			t.Errorf("Clean(%q) is %q", text, clean)
		}
		if screen.Clean(clean) != clean {
			t.Errorf("cleaning %q twice changes it", text)
		}
	})
}

func TestTableAlignsColumns(t *testing.T) {
	var b bytes.Buffer
	out := screen.New(&b)
	table := out.Table(screen.Column{Title: "N", Right: true}, screen.Column{Title: "NAME", Min: 6}, screen.Column{Title: "TEXT"})
	for _, row := range [][]string{{"1", "漢字", "x"}, {"100", "a", ""}, {"20", "longer than most", "tail  "}} {
		if err := table.Row(row...); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "" +
		"  N  NAME              TEXT\n" +
		"  1  漢字              x\n" +
		"100  a\n" +
		" 20  longer than most  tail\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTableWithoutRowsIsEmpty(t *testing.T) {
	var b bytes.Buffer
	if err := screen.New(&b).Table(screen.Column{Title: "N"}).Flush(); err != nil || b.Len() > 0 {
		t.Errorf("wrote %q, %v; want nothing", b.String(), err)
	}
}

func TestTableHoldsBackOnlyItsFirstRows(t *testing.T) {
	var b bytes.Buffer
	out := screen.New(&b)
	table := out.Table(screen.Column{Title: "N", Right: true})
	for i := range 1000 {
		if err := table.Row(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Flush(); err != nil || strings.Count(b.String(), "\n") != 1001 {
		t.Errorf("%d lines, %v; want 1001 without the table's own Flush", strings.Count(b.String(), "\n"), err)
	}
}

func TestNothingIsColouredOrShownOutsideATerminal(t *testing.T) {
	var b bytes.Buffer
	if got := screen.New(&b).Colour(screen.Cyan, "x"); got != "x" {
		t.Errorf("coloured %q", got)
	}
	p := screen.NewProgress(&b, "work", 10, screen.Bytes)
	p.Total(20)
	p.Set(5)
	p.Done()
	if b.Len() > 0 {
		t.Errorf("showed %q", b.String())
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 1 << 30: "1.0 GiB", 1<<64 - 1: "16.0 EiB",
	} {
		if got := screen.Size(bytes); got != want {
			t.Errorf("Size(%d) is %s, want %s", bytes, got, want)
		}
	}
}

func TestRate(t *testing.T) {
	for perSecond, want := range map[float64]string{
		0: "0", 0.004: "<0.01", 1.0 / 60: "0.02", 0.5: "0.5", 2: "2", 9.96: "9.96", 9.999: "10", 10: "10", 1234.5: "1234", 2e6: "2000000",
	} {
		if got := screen.Rate(perSecond); got != want {
			t.Errorf("Rate(%v) is %s, want %s", perSecond, got, want)
		}
	}
}
