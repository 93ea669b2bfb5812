package ndjson

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/oxbow-events/oxbow/event"
)

// identities makes ids of lines: a UUIDv8 (RFC 9562) of the SHA-256 of the line and of how many equal lines came before it. It
// remembers some 20 to 40 bytes of each line.
type identities struct {
	seen map[uint64]uint64 // how often, by the first eight bytes of the hash
}

// identitySalt begins what is hashed, so that the ids are nobody else's. It must never change.
const identitySalt = "oxbow line of JSON\x00"

func (s *identities) of(line []byte) event.ID {
	hash := sha256.New()
	hash.Write([]byte(identitySalt))
	hash.Write(line)
	content := hash.Sum(nil)

	// Should two lines share these bytes by chance, the second counts as a repetition: its id is another, but as good.
	key := binary.BigEndian.Uint64(content)
	if s.seen == nil {
		s.seen = map[uint64]uint64{}
	}
	repetition := s.seen[key]
	s.seen[key]++

	sum := sha256.Sum256(binary.BigEndian.AppendUint64(content, repetition))
	uuid := [16]byte(sum[:16])
	uuid[6] = uuid[6]&0x0f | 8<<4
	uuid[8] = uuid[8]&0x3f | 2<<6
	return event.UUID(uuid)
}
