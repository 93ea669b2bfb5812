package parked

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/oxbow-events/oxbow/event"
)

// CountBucket holds the count of each consumer that ever had letters, by the consumer's name.
const CountBucket = "oxbow.deadletter"

// Letters returns the bucket of a consumer's letters.
func Letters(name string) string { return "oxbow.deadletter/" + name }

func dataBucket(name string) string    { return "oxbow.deadletter.data/" + name }
func indexBucket(name string) string   { return "oxbow.deadletter.key/" + name }
func requestBucket(name string) string { return "oxbow.deadletter.redrive/" + name }

// LetterKey returns the item key of the letter at a position.
func LetterKey(p event.Position) string { return fmt.Sprintf("%020d", uint64(p)) }

// ParseLetterKey returns the position in the key of a letter's item.
func ParseLetterKey(key string) (event.Position, error) {
	n, err := strconv.ParseUint(key, 10, 64)
	if err != nil || len(key) != 20 {
		return 0, fmt.Errorf("%q is not a position of 20 digits", key)
	}
	return event.Position(n), nil
}

func dataKey(p event.Position, version int) string {
	return fmt.Sprintf("%020d/%04d", uint64(p), version)
}

func slotPrefix(slot int) string           { return fmt.Sprintf("%04d/", slot) }
func keyPrefix(slot int, hash Hash) string { return fmt.Sprintf("%04d/%s/", slot, hash) }
func requestKey(slot int, hash Hash) string {
	return fmt.Sprintf("%04d/%s", slot, hash)
}

func indexKey(slot int, hash Hash, p event.Position) string {
	return keyPrefix(slot, hash) + LetterKey(p)
}

// afterAll is a key's or a slot's prefix with its slash exchanged for the next character: behind all that begins with the prefix.
func afterAll(prefix string) string { return strings.TrimSuffix(prefix, "/") + "0" }

// parseIndexKey reads S/H/P, or S/H when there is no position.
func parseIndexKey(key string) (slot int, hash Hash, p event.Position, err error) {
	parts := strings.Split(key, "/")
	if len(parts) < 2 || len(parts) > 3 || len(parts[0]) != 4 {
		return 0, 0, 0, fmt.Errorf("%q is not a slot, a hash and a position", key)
	}
	if slot, err = strconv.Atoi(parts[0]); err != nil || slot < 0 {
		return 0, 0, 0, fmt.Errorf("%q does not begin with a slot", key)
	}
	if err = hash.UnmarshalText([]byte(parts[1])); err != nil {
		return 0, 0, 0, err
	}
	if len(parts) == 3 {
		p, err = ParseLetterKey(parts[2])
	}
	return slot, hash, p, err
}
