package filelog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/oxbow-events/oxbow/store"
)

// Report is what Verify found.
type Report struct {
	Segments int            `json:"segments"`
	Bytes    int64          `json:"bytes"`
	Commits  uint64         `json:"commits"`
	Events   uint64         `json:"events"`
	Items    uint64         `json:"items"` // times that an item was written or deleted
	Gone     uint64         `json:"gone"`  // events that were compacted away
	Streams  int            `json:"streams"`
	Head     store.Position `json:"head"`

	Unindexed int `json:"unindexed"` // full segments that have no index, which is no damage: opening the log makes it

	Damage []*DamageError `json:"damage"`         // every place where bytes are not what was written, in order; empty when all is well
	Torn   *TornTail      `json:"torn,omitempty"` // what a crash left half-written, which is no damage; nil when there is none
	Closed bool           `json:"closed"`         // the log was closed in order
}

// TornTail is the end of the newest segment that opening the log would cut off: commits that were never acknowledged.
type TornTail struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
	Bytes  int64  `json:"bytes"`
}

// Err returns an error that answers to store.ErrDamaged when there is damage, and nil when there is none.
func (r *Report) Err() error {
	switch len(r.Damage) {
	case 0:
		return nil
	case 1:
		return r.Damage[0]
	default:
		return fmt.Errorf("%w (and %d more places)", r.Damage[0], len(r.Damage)-1)
	}
}

// logErr is Err without damage of the index.
func (r *Report) logErr() error {
	log := Report{}
	for _, d := range r.Damage {
		if !d.Index {
			log.Damage = append(log.Damage, d)
		}
	}
	return log.Err()
}

// damagedUnder reports whether a file of the index in that folder is damaged.
func (r *Report) damagedUnder(dir string) bool {
	return slices.ContainsFunc(r.Damage, func(d *DamageError) bool { return d.Index && (d.File == dir || filepath.Dir(d.File) == dir) })
}

func (r *Report) add(err error) {
	var d *DamageError
	if errors.As(err, &d) {
		r.Damage = append(r.Damage, d)
	}
}
