package topic

import "sync/atomic"

// maxSegments is how many segments a pattern can have.
const maxSegments = (MaxLen + 1) / 2

// index finds entries by topic, for one writer and any number of readers that do not wait.
type index[V any] struct {
	exact   [maxSegments + 1]group[V] // layouts without "**", by the number of their segments
	open    [maxSegments + 1]group[V] // layouts with "**", by the number of segments that a topic needs
	byShape map[shape]*layout[V]      // the writer's
}

func (x *index[V]) add(e *entry[V]) {
	sh, key := shapeOf(e.pattern)
	g, l := x.group(sh), x.byShape[sh]
	if l == nil {
		l = &layout[V]{shape: sh}
		g.append(l)
		if x.byShape == nil {
			x.byShape = make(map[shape]*layout[V])
		}
		x.byShape[sh] = l
	}
	if l.table.live == 0 {
		g.idle--
	}
	l.table.add(key, e)
}

func (x *index[V]) remove(e *entry[V]) {
	sh, key := shapeOf(e.pattern)
	l := x.byShape[sh]
	l.table.remove(key, e)
	if l.table.live > 0 {
		return
	}
	g := x.group(sh)
	g.idle++
	for _, dropped := range g.tidy() {
		delete(x.byShape, dropped.shape)
	}
}

func (x *index[V]) group(sh shape) *group[V] {
	if sh.open {
		return &x.open[sh.least]
	}
	return &x.exact[sh.least]
}

// chains appends to dst the chains in which there may be matches for a topic whose segments have these hashes.
func (x *index[V]) chains(dst []*entry[V], hashes []uint64) []*entry[V] {
	if len(hashes) < len(x.exact) {
		dst = x.exact[len(hashes)].chains(dst, hashes)
	}
	for least := range min(len(hashes)+1, len(x.open)) {
		dst = x.open[least].chains(dst, hashes)
	}
	return dst
}

// group is a list of layouts.
type group[V any] struct {
	layouts atomic.Pointer[[]*layout[V]] // appended to in place: a reader looks only as far as the length it got
	idle    int                          // how many have no entries; the writer's
}

func (g *group[V]) list() []*layout[V] {
	if layouts := g.layouts.Load(); layouts != nil {
		return *layouts
	}
	return nil
}

func (g *group[V]) chains(dst []*entry[V], hashes []uint64) []*entry[V] {
	for _, l := range g.list() {
		dst = l.chains(dst, hashes)
	}
	return dst
}

// append puts a layout without entries into the list.
func (g *group[V]) append(l *layout[V]) {
	layouts := append(g.list(), l)
	g.layouts.Store(&layouts)
	g.idle++
}

// tidy drops the layouts without entries, and returns them, if they are more than half of the list.
func (g *group[V]) tidy() (dropped []*layout[V]) {
	if g.idle <= len(g.list())/2 {
		return nil
	}
	var kept []*layout[V]
	for _, l := range g.list() {
		if l.table.live == 0 {
			dropped = append(dropped, l)
			continue
		}
		kept = append(kept, l)
	}
	g.layouts.Store(&kept)
	g.idle = 0
	return dropped
}
