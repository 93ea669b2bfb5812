package due

// heap is a binary heap: an entry is never before the one at half its place. It is container/heap's without an interface between, since a
// queue may hold a million.
type heap[T any] []*Entry[T]

func (e *Entry[T]) before(other *Entry[T]) bool {
	if order := e.at.Compare(other.at); order != 0 {
		return order < 0
	}
	return e.nth < other.nth
}

func (h *heap[T]) push(e *Entry[T]) {
	e.place = len(*h)
	*h = append(*h, e)
	h.up(e.place)
}

func (h *heap[T]) remove(place int) *Entry[T] {
	entries := *h
	last := len(entries) - 1
	h.swap(place, last)
	removed := entries[last]
	removed.place = -1
	entries[last] = nil
	*h = entries[:last]
	if place < last {
		h.down(place)
		h.up(place)
	}
	h.shrink()
	return removed
}

// shrink gives memory back that a large number of entries had needed.
func (h *heap[T]) shrink() {
	if cap(*h) > 1024 && len(*h) < cap(*h)/4 {
		*h = append(make(heap[T], 0, cap(*h)/2), *h...)
	}
}

func (h heap[T]) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h heap[T]) up(place int) {
	for place > 0 {
		parent := (place - 1) / 2
		if !h[place].before(h[parent]) {
			return
		}
		h.swap(place, parent)
		place = parent
	}
}

func (h heap[T]) down(place int) {
	for {
		child := 2*place + 1
		if child >= len(h) {
			return
		}
		if right := child + 1; right < len(h) && h[right].before(h[child]) {
			child = right
		}
		if !h[child].before(h[place]) {
			return
		}
		h.swap(place, child)
		place = child
	}
}
