package memory

import (
	"iter"
	"math/rand/v2"
	"strings"
)

// node is the root of a treap: ordered by key, and balanced because random ranks form a heap (Seidel and Aragon, 1996). Nodes
// never change; a change makes new ones along the path, so that whoever holds a root holds a snapshot. A nil node is empty.
type node[V any] struct {
	key         string
	value       V
	rank        uint64
	size        int // of the tree below and with this node
	left, right *node[V]
}

func (n *node[V]) count() int {
	if n == nil {
		return 0
	}
	return n.size
}

// joined returns a copy of n with these children.
func (n *node[V]) joined(left, right *node[V]) *node[V] {
	return &node[V]{key: n.key, value: n.value, rank: n.rank, size: left.count() + 1 + right.count(), left: left, right: right}
}

func (n *node[V]) find(key string) *node[V] {
	for n != nil {
		switch order := strings.Compare(key, n.key); {
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

// with returns the tree with the value under the key.
func (n *node[V]) with(key string, value V) *node[V] {
	left, right := n.split(key)
	found := &node[V]{key: key, value: value, rank: rand.Uint64(), size: 1}
	return merge(merge(left, found), right.without(key))
}

// without returns the tree without the key.
func (n *node[V]) without(key string) *node[V] {
	if n == nil {
		return nil
	}
	switch order := strings.Compare(key, n.key); {
	case order == 0:
		return merge(n.left, n.right)
	case order < 0:
		return n.joined(n.left.without(key), n.right)
	default:
		return n.joined(n.left, n.right.without(key))
	}
}

// split returns the trees of smaller keys, and of the key and larger ones.
func (n *node[V]) split(key string) (smaller, others *node[V]) {
	if n == nil {
		return nil, nil
	}
	if n.key < key {
		middle, others := n.right.split(key)
		return n.joined(n.left, middle), others
	}
	smaller, middle := n.left.split(key)
	return smaller, n.joined(middle, n.right)
}

// merge returns the tree of both; every key of a is smaller than those of b.
func merge[V any](a, b *node[V]) *node[V] {
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

// between yields the values with from <= key < to in order of key; an empty to means to the end.
func (n *node[V]) between(from, to string) iter.Seq[V] {
	return func(yield func(V) bool) { n.walk(from, to, yield) }
}

func (n *node[V]) walk(from, to string, yield func(V) bool) (more bool) {
	if n == nil {
		return true
	}
	reached, within := n.key >= from, to == "" || n.key < to
	if reached && !n.left.walk(from, to, yield) {
		return false
	}
	if reached && within && !yield(n.value) {
		return false
	}
	return !within || n.right.walk(from, to, yield)
}
