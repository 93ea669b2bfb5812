package filelog

import "github.com/oxbow-events/oxbow/store"

// place is where a record lies.
type place struct {
	stream  *stream
	segment uint32
	offset  uint32
	length  uint32
}

// places finds the place of a position. It grows by whole chunks and changes nothing that is there, so that a copy taken under the
// log's lock may be read without it, up to the head of that moment.
type places struct {
	chunks []*[chunkSize]place
	count  int
}

const chunkSize = 4096

func (t *places) add(p place) {
	if t.count%chunkSize == 0 {
		t.chunks = append(t.chunks, new([chunkSize]place))
	}
	t.chunks[t.count/chunkSize][t.count%chunkSize] = p
	t.count++
}

func (t *places) at(p store.Position) *place {
	i := int(p - 1)
	return &t.chunks[i/chunkSize][i%chunkSize]
}
