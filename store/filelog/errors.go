package filelog

import (
	"fmt"
	"path/filepath"

	"github.com/oxbow-events/oxbow/store"
)

// DamageError says which bytes are not what was written. It answers to errors.Is(err, store.ErrDamaged).
type DamageError struct {
	File     string         `json:"file"`               // path of the segment
	Offset   int64          `json:"offset"`             // of the frame or record in the file
	Position store.Position `json:"position,omitempty"` // of the first event that is in doubt; 0 when it is not known
	Reason   string         `json:"reason"`
	Index    bool           `json:"index,omitempty"` // the file is part of the index, which can be made again from the log
}

func (e *DamageError) Error() string {
	if e.Index {
		return fmt.Sprintf("%v: %s; the events are whole: run oxbow reindex", store.ErrDamaged, e.Finding())
	}
	return fmt.Sprintf("%v: %s; run oxbow verify to see all of the damage, and restore the file from a backup",
		store.ErrDamaged, e.Finding())
}

// Finding says what was found, without advice.
func (e *DamageError) Finding() string {
	place := fmt.Sprintf("%s at byte %d", filepath.ToSlash(e.File), e.Offset)
	if e.Position > 0 {
		place += fmt.Sprintf(", position %d", e.Position)
	}
	return place + ": " + e.Reason
}

// Is reports that the error is store.ErrDamaged.
func (e *DamageError) Is(target error) bool { return target == store.ErrDamaged }
