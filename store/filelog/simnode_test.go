package filelog_test

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// simNode is a file or a folder of a simDisk: as processes see it, and as it is on the disk.
type simNode struct {
	entries map[string]*simNode // of a folder; nil for a file
	kept    map[string]*simNode // the entries that are on the disk
	pending []simChange         // to the entries since the folder was synced

	cache   []byte       // of a file: what processes see
	disk    []byte       // what is on the disk
	dirty   map[int]bool // the sectors that the next sync writes; others may differ from the disk when a sync failed
	resized bool         // the next sync sets the size
}

type simChange func(entries map[string]*simNode)

func newSimFolder() *simNode {
	return &simNode{entries: map[string]*simNode{}, kept: map[string]*simNode{}}
}

func newSimFile() *simNode { return &simNode{dirty: map[int]bool{}} }

// change does something to the entries of a folder that a power cut may undo until the folder is synced.
func (n *simNode) change(c simChange) {
	c(n.entries)
	n.pending = append(n.pending, c)
}

func (n *simNode) syncEntries() {
	n.kept, n.pending = maps.Clone(n.entries), nil
}

func (n *simNode) write(b []byte, off, sector int) {
	if grow := off + len(b) - len(n.cache); grow > 0 {
		n.cache = append(n.cache, make([]byte, grow)...)
	}
	copy(n.cache[off:], b)
	n.touch(off, off+len(b), sector)
	n.resized = n.resized || len(n.cache) > len(n.disk)
}

func (n *simNode) touch(from, to, sector int) {
	for s := from / sector; s*sector < to; s++ {
		n.dirty[s] = true
	}
}

func (n *simNode) truncate(size, sector int) {
	if size < len(n.cache) {
		n.cache = n.cache[:size:size]
	}
	n.cache = append(n.cache, make([]byte, size-len(n.cache))...)
	maps.DeleteFunc(n.dirty, func(s int, _ bool) bool { return s*sector >= size })
	n.resized = true
}

// sync writes all that is dirty, and nothing else.
func (n *simNode) sync(sector int) {
	n.settle(len(n.cache), sector, func() bool { return true })
	n.resized = false
	clear(n.dirty)
}

// loseSync is a sync that fails: any part is written, and what was not is never tried again. The size is.
func (n *simNode) loseSync(sector int, random *rand.Rand) {
	n.settle(n.someSize(random), sector, oneIn(2, random))
	clear(n.dirty)
}

// settle brings the file on the disk to the size, and those of the dirty sectors to it that keep says.
func (n *simNode) settle(size, sector int, keep func() bool) {
	disk := make([]byte, size)
	copy(disk, n.disk)
	for _, s := range slices.Sorted(maps.Keys(n.dirty)) {
		from := s * sector
		if keep() && from < size {
			copy(disk[from:min(from+sector, size)], n.cache[from:])
		}
	}
	n.disk = disk
}

// someSize is a size that the file may have on the disk.
func (n *simNode) someSize(random *rand.Rand) int {
	if !n.resized {
		return len(n.disk)
	}
	low, high := min(len(n.disk), len(n.cache)), max(len(n.disk), len(n.cache))
	return []int{low, high, low + random.IntN(high-low+1)}[random.IntN(3)]
}

// evict lets the system forget what it holds for clean: from now on processes see what is on the disk.
func (n *simNode) evict(sector int) {
	for from := 0; from < len(n.cache); from += sector {
		if to := min(from+sector, len(n.cache)); !n.dirty[from/sector] {
			clear(n.cache[from:to])
			copy(n.cache[from:to], n.disk[min(from, len(n.disk)):])
		}
	}
}

// cutPower leaves what a power cut would: all that was synced, and of the rest any sectors in any order.
func (n *simNode) cutPower(sector int, random *rand.Rand) {
	if n.entries == nil {
		n.settle(n.someSize(random), sector, oneIn(1+random.IntN(4), random))
		n.cache, n.resized = slices.Clone(n.disk), false
		clear(n.dirty)
		return
	}
	keep := oneIn(1+random.IntN(3), random)
	for _, c := range n.pending {
		if keep() {
			c(n.kept)
		}
	}
	n.entries, n.pending = maps.Clone(n.kept), nil
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		n.entries[name].cutPower(sector, random)
	}
}

func oneIn(k int, random *rand.Rand) func() bool {
	return func() bool { return random.IntN(k) == 0 }
}
