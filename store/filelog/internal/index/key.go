package index

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/oxbow-events/oxbow/event"
)

// Kind says what a key is about.
type Kind byte

// The kinds of keys.
const (
	ByID Kind = iota + 1
	ByStream
	ByType
	ByTag
	ByCorrelation
)

// Key is what is looked for.
type Key struct {
	kind Kind
	name string // of a stream or a type
	hash uint64
	mark uint64 // of a stream: a second hash
	time uint64 // of an id: the first eight bytes of a UUIDv7, 0 for others
}

// Hasher makes keys. Its seed is the store's, so that nobody who does not know it can make names whose hashes are equal.
type Hasher struct{ seed uint64 }

// NewHasher returns the hasher of a store.
func NewHasher(store [16]byte) Hasher { return Hasher{binary.LittleEndian.Uint64(store[:])} }

// hashOf hashes a text of at most event.MaxName bytes without an allocation; longer ones take one.
func (h Hasher) hashOf(kind Kind, text string) uint64 {
	var room [9 + event.MaxName]byte
	b := binary.LittleEndian.AppendUint64(room[:0], h.seed)
	b = append(b, byte(kind))
	return xxhash.Sum64(append(b, text...))
}

// Stream returns the key of a stream.
func (h Hasher) Stream(name string) Key {
	return Key{kind: ByStream, name: name, hash: h.hashOf(ByStream, name), mark: h.hashOf(ByStream|0x80, name)}
}

// Type returns the key of an event type.
func (h Hasher) Type(name string) Key {
	return Key{kind: ByType, name: name, hash: h.hashOf(ByType, name)}
}

// Tag returns the key of a tag.
func (h Hasher) Tag(tag string) Key { return Key{kind: ByTag, hash: h.hashOf(ByTag, tag)} }

// ID returns the key of an event's id.
func (h Hasher) ID(id event.ID) Key {
	return Key{kind: ByID, hash: h.ofID(ByID, id), time: timeOf(id)}
}

// Correlation returns the key of a correlation id. Events whose correlation is their own id are found by that id only.
func (h Hasher) Correlation(id event.ID) Key {
	return Key{kind: ByCorrelation, hash: h.ofID(ByCorrelation, id)}
}

func (h Hasher) ofID(kind Kind, id event.ID) uint64 {
	uuid, ok := id.Bytes()
	if !ok {
		return h.hashOf(kind|0x40, id.String())
	}
	var room [9 + 16]byte
	b := binary.LittleEndian.AppendUint64(room[:0], h.seed)
	return xxhash.Sum64(append(append(b, byte(kind)), uuid[:]...))
}

// timeOf returns what grows with the time at which a UUIDv7 was made, 0 for every other id.
func timeOf(id event.ID) uint64 {
	uuid, ok := id.Bytes()
	if !ok || uuid[6]>>4 != 7 {
		return 0
	}
	return binary.BigEndian.Uint64(uuid[:8])
}
