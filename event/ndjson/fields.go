package ndjson

import (
	"strconv"

	"github.com/oxbow-events/oxbow/internal/rawjson"
)

// fields is the tree of all paths that a mapping names, so that one walk through a line finds the values of all of them.
type fields struct {
	root  node
	count int
}

type node struct {
	field    int // index of the value that the path to here names; 0 means none
	children map[string]*node
}

// add returns the index of the value at path.
func (f *fields) add(path []string) int {
	n := &f.root
	for _, segment := range path {
		if n.children == nil {
			n.children = map[string]*node{}
		}
		if n.children[segment] == nil {
			n.children[segment] = &node{}
		}
		n = n.children[segment]
	}
	if n.field == 0 {
		f.count++
		n.field = f.count
	}
	return n.field
}

// values returns the values of one line by index, nil for those that it lacks. The line must be JSON.
func (f *fields) values(line []byte) [][]byte {
	values := make([][]byte, f.count+1)
	f.root.find(line, values)
	return values
}

func (n *node) find(value []byte, values [][]byte) {
	n.forget(values) // of a member with the same name before
	if n.field != 0 {
		values[n.field] = value
	}
	if n.children == nil {
		return
	}
	for name, member := range rawjson.Members(value) {
		if child := n.children[string(name)]; child != nil {
			child.find(member, values)
		}
	}
	i := 0
	for element := range rawjson.Elements(value) {
		if child := n.children[strconv.Itoa(i)]; child != nil {
			child.find(element, values)
		}
		i++
	}
}

func (n *node) forget(values [][]byte) {
	values[n.field] = nil
	for _, child := range n.children {
		child.forget(values)
	}
}
