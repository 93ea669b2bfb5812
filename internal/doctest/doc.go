// Package doctest keeps Oxbow's documents true. What it guarantees of every
// Markdown file of the repository:
//
//   - A relative link leads to a file or folder that is there.
//   - A fenced Go block stands, whole or in part, in a Go file that is compiled.
//     A comment on the line above the fence names the file:
//     <!-- file: examples/hello/main.go -->
//   - A promise in docs/guarantees.md links to tests that exist, at least to one.
//
// A decision in docs/adr and the CHANGELOG speak of the code of their day, so
// their Go blocks may have gone from the tree.
package doctest

import (
	"fmt"
	"io/fs"
	"path"
)

// A document is one Markdown file of the tree.
type document struct {
	path  string
	lines []line
}

// documents reads every Markdown file that is ours: none from testdata, from
// folders of other people's work, or with a name that begins with a dot or an
// underscore.
func documents(tree fs.FS) ([]document, error) {
	var docs []document
	err := fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if notOurs(name) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".md" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		docs = append(docs, document{path: name, lines: scan(string(text))})
		return err
	})
	return docs, err
}

func notOurs(dir string) bool {
	switch base := path.Base(dir); base {
	case "testdata", "vendor", "node_modules":
		return true
	default:
		return dir != "." && (base[0] == '.' || base[0] == '_')
	}
}

// problem is one line about a place in a document.
func problem(doc string, line int, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", doc, line, fmt.Sprintf(format, args...))
}
