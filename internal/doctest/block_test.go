package doctest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oxbow-events/oxbow/internal/doctest"
)

func TestBlocksFindsFencedCode(t *testing.T) {
	const markdown = `# Title
<!-- file: examples/hello/main.go -->
~~~go
package main

~~~

` + "```" + `sh
go run .
` + "```" + `
- in a list:
  ` + "````" + `
  plain
    deeper
  ` + "```" + `
  ` + "````" + `

` + "```" + `json title=x
unclosed`
	want := []doctest.Block{
		{Lang: "go", File: "examples/hello/main.go", Line: 3, Text: "package main\n\n"},
		{Lang: "sh", Line: 8, Text: "go run .\n"},
		{Line: 12, Text: "plain\n  deeper\n```\n"},
		{Lang: "json", Line: 18, Text: "unclosed\n"},
	}
	for _, text := range []string{markdown, strings.ReplaceAll(markdown, "\n", "\r\n")} {
		if got := doctest.Blocks(text); !slices.Equal(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestBlocksIgnoresWhatIsNoFence(t *testing.T) {
	const markdown = "    indented\n\n``` not closed on one line ```\n\n`code`\n"
	if got := doctest.Blocks(markdown); len(got) > 0 {
		t.Errorf("got %+v, want none", got)
	}
}

func TestCommentInsideABlockNamesNoFile(t *testing.T) {
	const markdown = "```html\n<!-- file: a.go -->\n```\n```go\nx\n```\n"
	for _, b := range doctest.Blocks(markdown) {
		if b.File != "" {
			t.Errorf("the block at line %d names %s, want none", b.Line, b.File)
		}
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add("<!-- file: a.go -->\n```go\npackage a\n```\n")
	f.Add("~~~~\n```\n~~~~")
	f.Fuzz(func(t *testing.T, markdown string) {
		for _, b := range doctest.Blocks(markdown) {
			if lines := strings.Count(markdown, "\n") + 1; b.Line < 1 || b.Line > lines {
				t.Errorf("a block at line %d of %d", b.Line, lines)
			}
		}
	})
}
