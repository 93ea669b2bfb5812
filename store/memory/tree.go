package memory

import (
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

// node is the root of a treap: ordered by key, and balanced because random ranks form a heap (Seidel and Aragon, 1996). Nodes
// never change; a change makes new ones along the path, so that whoever holds a root holds a snapshot. A nil node is empty.
type node struct {
	item        store.Item
	rank        uint64
	size        int // of the tree below and with this node
	left, right *node
}

func (n *node) count() int {
	if n == nil {
		return 0
	}
	return n.size
}

// joined returns a copy of n with these children.
func (n *node) joined(left, right *node) *node {
	return &node{item: n.item, rank: n.rank, size: left.count() + 1 + right.count(), left: left, right: right}
}

func (n *node) find(key string) *node {
	for n != nil {
		switch order := strings.Compare(key, n.item.Key); {
		case order == 0:
			return n
		case order < 0:
			n = n.left
		default:
			n = n.right
		}
	}
	return nil
}

// with returns the tree with the item in it.
func (n *node) with(item store.Item) *node {
	left, right := n.split(item.Key)
	found := &node{item: item, rank: rand.Uint64(), size: 1}
	return merge(merge(left, found), right.without(item.Key))
}

// without returns the tree without the key.
func (n *node) without(key string) *node {
	if n == nil {
		return nil
	}
	switch order := strings.Compare(key, n.item.Key); {
	case order == 0:
		return merge(n.left, n.right)
	case order < 0:
		return n.joined(n.left.without(key), n.right)
	default:
		return n.joined(n.left, n.right.without(key))
	}
}

// split returns the trees of smaller keys, and of the key and larger ones.
func (n *node) split(key string) (smaller, others *node) {
	if n == nil {
		return nil, nil
	}
	if n.item.Key < key {
		middle, others := n.right.split(key)
		return n.joined(n.left, middle), others
	}
	smaller, middle := n.left.split(key)
	return smaller, n.joined(middle, n.right)
}

// merge returns the tree of both; every key of a is smaller than those of b.
func merge(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.rank > b.rank:
		return a.joined(a.left, merge(a.right, b))
	default:
		return b.joined(merge(a, b.left), b.right)
	}
}

// between yields the items with from <= key < to in order of key; an empty to means to the end.
func (n *node) between(from, to string) iter.Seq[store.Item] {
	return func(yield func(store.Item) bool) { n.walk(from, to, yield) }
}

func (n *node) walk(from, to string, yield func(store.Item) bool) (more bool) {
	if n == nil {
		return true
	}
	reached, within := n.item.Key >= from, to == "" || n.item.Key < to
	if reached && !n.left.walk(from, to, yield) {
		return false
	}
	if reached && within && !yield(n.item) {
		return false
	}
	return !within || n.right.walk(from, to, yield)
}
