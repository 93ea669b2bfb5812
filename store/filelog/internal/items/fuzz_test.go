package items_test

import (
	"bytes"
	"testing"

	"github.com/oxbow-events/oxbow/store/filelog/internal/items"
)

// FuzzParse reads whatever bytes as the value of an item: as one that would be written with the same bytes, or not at all.
func FuzzParse(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 'v'})
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 2, 'v'})
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		item, err := items.Parse("b", "k", b)
		if err != nil {
			return
		}
		own := bytes.Clone(item.Value)
		if again := items.AppendValue(nil, item.Revision, item.Value); !bytes.Equal(again, b) {
			t.Errorf("%x is read as %+v, which is written as %x", b, item, again)
		}
		for i := range b {
			b[i] ^= 0xff
		}
		if !bytes.Equal(item.Value, own) {
			t.Error("the value changed with the bytes that it was read from")
		}
	})
}
