package archtest

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Check compares the tree with the table and returns one line for each place
// where they differ, telling how to mend it. An error means that the tree could
// not be read.
func Check(tree fs.FS, table []Room, planned []string) (problems []string, err error) {
	modules, files, err := readTree(tree)
	if err != nil {
		return nil, err
	}
	root := slices.IndexFunc(modules, func(m module) bool { return m.dir == "." })
	if root < 0 {
		return nil, errors.New("the tree has no go.mod at its root")
	}
	c := checker{root: modules[root].path, table: table}
	c.checkModules(tree, modules)
	for _, f := range files {
		c.checkFile(f)
	}
	c.checkStale(files, planned)
	return slices.Compact(c.problems), nil
}

type checker struct {
	root     string // module path of the root
	table    []Room
	problems []string
}

func (c *checker) report(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *checker) checkModules(tree fs.FS, modules []module) {
	for _, m := range modules {
		if want := path.Join(c.root, m.dir); m.path != want {
			c.report("%s/go.mod: module %s should be %s, after its folder", m.dir, m.path, want)
		}
		if m.dir == "." && m.requires {
			c.report("go.mod: the root module requires nothing; move what needs a library into a module of its own")
		}
	}
	if _, err := fs.Stat(tree, "go.sum"); err == nil {
		c.report("go.sum: the root module requires nothing and has no go.sum; delete it")
	}
}

func (c *checker) checkFile(f goFile) {
	room, ok := c.room(f.dir())
	if !ok {
		c.report("%s has no row; add {Path: %q, Imports: …} to Table in internal/archtest/table.go", f.dir(), f.dir())
		return
	}
	for _, imported := range f.imports {
		dir, ours := c.folder(imported)
		switch {
		case !ours && f.module == "." && !standard(imported):
			c.report("%s imports %s; the root module may import only the standard library and Oxbow", f.path, imported)
		case ours && !allowed(room, f, dir):
			c.report("%s imports %s, which the row of %q does not allow; turn the arrow round, or add %q to that row in internal/archtest/table.go and say why",
				f.path, dir, room.Path, dir)
		}
	}
}

// room is the first row that covers a folder.
func (c *checker) room(dir string) (Room, bool) {
	i := slices.IndexFunc(c.table, func(r Room) bool { return matches(r.Path, dir) })
	if i < 0 {
		return Room{}, false
	}
	return c.table[i], true
}

// folder is where an imported package of Oxbow lies.
func (c *checker) folder(imported string) (dir string, ours bool) {
	if imported == c.root {
		return ".", true
	}
	return strings.CutPrefix(imported, c.root+"/")
}

func allowed(room Room, f goFile, dir string) bool {
	may := room.Imports
	if f.test {
		may = slices.Concat(may, testRooms, []string{f.dir()})
	}
	return slices.ContainsFunc(may, func(pattern string) bool { return matches(pattern, dir) })
}

// checkStale reports the rows that stand for no folder.
func (c *checker) checkStale(files []goFile, planned []string) {
	for _, r := range c.table {
		stands := slices.ContainsFunc(files, func(f goFile) bool { return matches(r.Path, f.dir()) })
		if !stands && !slices.Contains(planned, r.Path) {
			c.report("the row of %q stands for no folder with Go files; delete it from internal/archtest/table.go", r.Path)
		}
	}
}

// matches tells whether pattern, a folder or a folder and "/...", covers dir.
func matches(pattern, dir string) bool {
	if pattern == "..." || pattern == dir {
		return true
	}
	base, below := strings.CutSuffix(pattern, "/...")
	return below && (dir == base || strings.HasPrefix(dir, base+"/"))
}

// standard tells whether an import path is the standard library's: its first
// segment is not a host name.
func standard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}
