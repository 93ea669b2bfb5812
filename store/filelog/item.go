package filelog

import (
	"errors"
	"strings"

	"github.com/oxbow-events/oxbow/store"
)

// An item's payload is a version byte, a byte that says what is done, bucket and key with their lengths in front, and the value.
// Its revision is the commit's sequence.
const itemVersion = 1

const (
	itemDelete = iota
	itemPut
	itemPutNil // a value that is nil, not merely empty
)

var errItem = errors.New("the item cannot be read")

func appendItem(dst []byte, w *store.ItemWrite) []byte {
	does := byte(itemPut)
	switch {
	case w.Delete:
		does = itemDelete
	case w.Value == nil:
		does = itemPutNil
	}
	dst = appendText(appendText(append(dst, itemVersion, does), w.Bucket), w.Key)
	if does == itemPut {
		dst = append(dst, w.Value...)
	}
	return dst
}

// decodeItem reads an item's payload. The result shares no bytes with it.
func decodeItem(payload []byte) (w store.ItemWrite, err error) {
	if len(payload) < 2 || payload[0] != itemVersion || payload[1] > itemPutNil {
		return store.ItemWrite{}, errItem
	}
	does := payload[1]
	d := decoder{b: payload, at: 2}
	w.Bucket = strings.Clone(d.string())
	w.Key = strings.Clone(d.string())
	w.Delete = does == itemDelete
	if value := d.rest(); does == itemPut {
		w.Value = append(make([]byte, 0, len(value)), value...)
	} else if len(value) > 0 {
		d.fail()
	}
	if d.failed() {
		return store.ItemWrite{}, errItem
	}
	return w, nil
}
