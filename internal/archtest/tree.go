package archtest

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A goFile is one Go file of the tree.
type goFile struct {
	path    string // folder and name
	module  string // folder of the module it belongs to, "." for the root
	test    bool
	imports []string // import paths as written
}

func (f goFile) dir() string { return path.Dir(f.path) }

// A module is one go.mod of the tree.
type module struct {
	dir      string
	path     string // as its module line says
	requires bool
}

// readTree finds every module and every Go file below the root of tree, build
// tags or not. Like the go command it passes over testdata and names that begin
// with a dot or an underscore.
func readTree(tree fs.FS) (modules []module, files []goFile, err error) {
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if ignored(name) {
				return fs.SkipDir
			}
			return nil
		}
		switch {
		case entry.Name() == "go.mod":
			m, err := readModule(tree, name)
			modules = append(modules, m)
			return err
		case path.Ext(name) == ".go":
			f, err := readGoFile(tree, name)
			files = append(files, f)
			return err
		}
		return nil
	})
	for i := range files {
		files[i].module = moduleOf(files[i].path, modules)
	}
	return modules, files, err
}

func ignored(dir string) bool {
	base := path.Base(dir)
	return dir != "." && (base == "testdata" || base[0] == '.' || base[0] == '_')
}

func readModule(tree fs.FS, name string) (module, error) {
	text, err := fs.ReadFile(tree, name)
	m := module{dir: path.Dir(name)}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) >= 2 && words[0] == "module" {
			m.path = words[1]
		}
		if len(words) >= 1 && (words[0] == "require" || words[0] == "require(") {
			m.requires = true
		}
	}
	return m, err
}

func readGoFile(tree fs.FS, name string) (goFile, error) {
	f := goFile{path: name, test: strings.HasSuffix(name, "_test.go")}
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return f, err
	}
	syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
	if err != nil {
		return f, fmt.Errorf("read imports: %w", err)
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return f, fmt.Errorf("read imports of %s: %w", name, err)
		}
		f.imports = append(f.imports, imported)
	}
	return f, nil
}

// moduleOf is the folder of the innermost module around file.
func moduleOf(file string, modules []module) string {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if slices.ContainsFunc(modules, func(m module) bool { return m.dir == dir }) {
			return dir
		}
	}
	return "."
}
