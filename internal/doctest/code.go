package doctest

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// CheckCode returns one line for each Go block that is not in a compiled Go
// file, and for each block in another language that names a file but is not in it.
func CheckCode(tree fs.FS) (problems []string, err error) {
	docs, err := documents(tree)
	for _, doc := range docs {
		if path.Dir(doc.path) == "docs/adr" || doc.path == "CHANGELOG.md" {
			continue
		}
		for _, b := range blocksOf(doc.lines) {
			if what := checkBlock(tree, b); what != "" {
				problems = append(problems, problem(doc.path, b.Line, "%s", what))
			}
		}
	}
	return problems, err
}

// checkBlock says what is wrong with a block, "" if nothing is.
func checkBlock(tree fs.FS, b Block) string {
	if b.File == "" {
		if b.Lang == "go" {
			return "this Go block is compiled by nobody; take it from a Go file of the repository and name that file on the line above the fence: <!-- file: examples/hello/main.go -->"
		}
		return ""
	}
	text, err := fs.ReadFile(tree, b.File)
	if err != nil {
		return "the block names " + b.File + ", which the repository does not have; name it from the repository's root"
	}
	if b.Lang == "go" && !compiled(b.File, string(text)) {
		return "the block names " + b.File + ", which the go command does not compile"
	}
	if !within(b.Text, string(text)) {
		return "the block is not in " + b.File + " word for word; copy it anew, whole or a run of lines"
	}
	return ""
}

var buildIgnore = regexp.MustCompile(`(?m)^//go:build ignore\b`)

func compiled(file, text string) bool {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if notOurs(dir) {
			return false
		}
	}
	return path.Ext(file) == ".go" && !notOurs(file) && !buildIgnore.MatchString(text)
}

// within tells whether excerpt is a run of lines of text, whatever the
// indentation that all its lines have in common.
func within(excerpt, text string) bool {
	want := dedent(splitLines(excerpt))
	lines := splitLines(text)
	for from := 0; from+len(want) <= len(lines); from++ {
		if slices.Equal(want, dedent(lines[from:from+len(want)])) {
			return len(want) > 0
		}
	}
	return false
}

// splitLines splits without blank lines at the ends and blanks at line ends.
func splitLines(text string) []string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " \t\r")
	}
	for len(lines) > 0 && lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	return lines
}

// dedent returns lines without the white space that begins all of them.
func dedent(lines []string) []string {
	common, first := "", true
	for _, l := range lines {
		if l == "" {
			continue
		}
		indent := l[:len(l)-len(strings.TrimLeft(l, " \t"))]
		if first || len(indent) < len(common) {
			common, first = indent, false
		}
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = strings.TrimPrefix(l, common)
	}
	return out
}
