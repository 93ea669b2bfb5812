package event

import "fmt"

// Schema names the shape of an event's data: an event type and its version.
type Schema struct {
	Type    string
	Version int // from 1
}

// String returns the schema as messages name it: order.placed v2.
func (s Schema) String() string { return fmt.Sprintf("%s v%d", s.Type, s.Version) }

func (s Schema) check() error {
	if err := CheckType("type", s.Type); err != nil {
		return err
	}
	if s.Version < 1 {
		return Invalid("version", "is %d; versions start at 1", s.Version)
	}
	return nil
}
