package filelog

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

// What is gone from a compacted segment leaves an entry. Its payload is a version byte and varints: how many commits are gone as a
// whole, how many positions have no record any more, how many writes of items are gone; then how many types those records had, and for
// each of them, in order, its name with its length in front, and how many of the records had it.
//
// In a gap, the entry is the only one, and tells of one or more commits that lay one after the other. In a commit, it stands where
// neighbouring entries were, and counts no commits. Nothing else is left of what is gone: no id, no stream, no key.
const goneVersion = 1

var errGone = errors.New("what is said to be gone cannot be read")

// gone is what such an entry says.
type gone struct {
	commits   uint64
	positions uint64
	items     uint64
	types     map[string]uint64
}

// none reports that nothing is gone.
func (g *gone) none() bool { return g.commits == 0 && g.positions == 0 && g.items == 0 }

// add adds what another entry says.
func (g *gone) add(more *gone) {
	g.commits += more.commits
	g.positions += more.positions
	g.items += more.items
	for name, n := range more.types {
		g.addType(name, n)
	}
}

func (g *gone) addType(name string, n uint64) {
	if g.types == nil {
		g.types = map[string]uint64{}
	}
	g.types[name] += n
}

// appendGone appends the entry, still without its checksum.
func appendGone(dst []byte, g *gone) []byte {
	return appendGonePayload(beginEntry(dst, entryGone), g)
}

func appendGonePayload(dst []byte, g *gone) []byte {
	dst = append(dst, goneVersion)
	for _, n := range [...]uint64{g.commits, g.positions, g.items, uint64(len(g.types))} {
		dst = binary.AppendUvarint(dst, n)
	}
	for _, name := range slices.Sorted(maps.Keys(g.types)) {
		dst = binary.AppendUvarint(appendText(dst, name), g.types[name])
	}
	return dst
}

// decodeGone reads the payload. The result shares no bytes with it.
func decodeGone(payload []byte) (g gone, err error) {
	if len(payload) == 0 || payload[0] != goneVersion {
		return gone{}, errGone
	}
	d := decoder{b: payload, at: 1}
	g.commits, g.positions, g.items = d.uvarint(), d.uvarint(), d.uvarint()
	counted, last := uint64(0), ""
	for i := range d.uvarint() {
		name, n := strings.Clone(d.string()), d.uvarint()
		if d.failed() || i > 0 && name <= last || n == 0 || n > g.positions-counted {
			return gone{}, errGone
		}
		g.addType(name, n)
		counted, last = counted+n, name
	}
	if d.failed() || d.at < len(d.b) || counted != g.positions || g.none() {
		return gone{}, errGone
	}
	return g, nil
}

// positions returns how many positions an entry of that kind takes.
func (e *entry) positions(kind entryKind) store.Position {
	switch kind {
	case entryRecord:
		return 1
	case entryGone:
		if g, err := decodeGone(e.payload); err == nil {
			return store.Position(g.positions)
		}
	}
	return 0
}

// kindAt returns the kind of the i-th entry of a commit from which nothing is gone.
func kindAt(i uint32, f *frame) entryKind {
	if i < f.events {
		return entryRecord
	}
	return entryItem
}
