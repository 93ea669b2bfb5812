package event

import "crypto/sha1"

// Derive returns the id of what follows from this event under a name: a UUIDv5 (RFC 9562 part 5.5) in this id's namespace, the
// same one each time. A handler that is called again and publishes with it publishes the same event again, which stores
// recognise. A foreign id's namespace is its text, the zero ID's is empty.
func (id ID) Derive(name string) ID {
	namespace := []byte(id.text)
	if uuid, ok := id.Bytes(); ok {
		namespace = uuid[:]
	}
	sum := sha1.Sum(append(namespace, name...))
	derived := ID{uuid: [16]byte(sum[:])}
	derived.uuid[6] = derived.uuid[6]&0x0f | 5<<4
	derived.uuid[8] = derived.uuid[8]&0x3f | 0x80
	return derived
}
