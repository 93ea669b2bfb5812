package index_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store/filelog/internal/disk"
	"github.com/oxbow-events/oxbow/store/filelog/internal/index"
)

// smallRun writes a run and returns its bytes, its name and a hasher for it.
func smallRun(f *testing.F) (b []byte, name string, h index.Hasher) {
	f.Helper()
	h = index.NewHasher([16]byte{7})
	table := index.NewTable(h, 0)
	for i := range 20 {
		e := &index.Event{ID: event.UUID([16]byte{1, 6: 0x70, 8: 0x80, 15: byte(i)}), Stream: "s", Type: "t", Tags: []string{"a:1"}}
		if i%3 == 0 {
			e.Stream, e.Tags = "other", nil
		}
		table.Add(e, 0)
	}
	r, err := index.WriteTable(disk.OS{}, f.TempDir(), table, index.Cover{Store: [16]byte{7}, First: 1, Next: 21})
	if err != nil {
		f.Fatal(err)
	}
	if b, err = os.ReadFile(r.Path()); err != nil {
		f.Fatal(err)
	}
	return b, filepath.Base(r.Path()), h
}

const page = 4096

// sign makes the checksums right, so that what lies behind them is reached.
func sign(b []byte) {
	table := crc32.MakeTable(crc32.Castagnoli)
	if len(b) >= 2*page {
		pages := len(b)/page - 2 // of a small run: without the header's and that of the sums
		sums := b[(pages+1)*page:]
		for i := range min(pages, len(sums)/4) {
			binary.LittleEndian.PutUint32(sums[4*i:], crc32.Checksum(b[(i+1)*page:(i+2)*page], table))
		}
		binary.LittleEndian.PutUint32(b[184:], crc32.Checksum(sums[:min(4*pages, len(sums))], table))
	}
	if len(b) >= page {
		binary.LittleEndian.PutUint32(b[188:], crc32.Checksum(b[:188], table))
	}
}

// FuzzRun changes a run in two places and, if asked to, makes its checksums right again. Everything that is asked of it ends, and either gives positions or
// says that it is damaged.
func FuzzRun(f *testing.F) {
	whole, name, h := smallRun(f)
	f.Add(120, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0, []byte{}, true)
	f.Add(32, []byte{0xff, 0xff}, 40, []byte{0xff, 0xff, 0xff}, true)
	f.Add(page, []byte{0xff, 0xff, 0xff, 0x7f}, page+4, []byte{0xff, 0xff, 0xff, 0xff}, true) // numbers of keys in a block
	f.Add(2*page+8, []byte{0, 0, 0, 0x80}, 2*page+20, []byte{0xff, 0xff, 0xff, 0xff}, true)   // values
	f.Add(2*page, []byte{0xff, 0xff, 0xff, 0xff}, 3*page, []byte{0xff, 0xff}, true)           // hashes and words
	f.Add(4*page, []byte{0xff, 0xff, 0xff, 0xff}, 6*page+8, []byte{0xff, 0xff}, true)         // ends of names, types
	f.Add(3*page, []byte{1}, 0, []byte{}, false)
	f.Add(len(whole)-1, []byte{1}, 100, []byte("x"), false)
	f.Fuzz(func(t *testing.T, at int, put []byte, at2 int, put2 []byte, signed bool) {
		b := slices.Clone(whole)
		copy(b[min(max(at, 0), len(b)):], put)
		copy(b[min(max(at2, 0), len(b)):], put2)
		if signed {
			sign(b)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		before := allocated()
		r, err := index.Open(disk.OS{}, path)
		if err == nil {
			err = index.Try(func() error { return useAll(r, h) })
			err = errors.Join(err, r.Close())
		}
		var damage *index.Damage
		if err != nil && !errors.As(err, &damage) {
			t.Errorf("got %v", err)
		}
		if used := allocated() - before; used > 16<<20 {
			t.Errorf("a run of %d bytes took %d bytes of memory", len(b), used)
		}
	})
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// useAll asks for everything that there is to ask for.
func useAll(r *index.Run, h index.Hasher) error {
	keys := []index.Key{h.Stream("s"), h.Stream("other"), h.Stream("none"), h.Type("t"), h.Tag("a:1"), h.Correlation(event.UUID([16]byte{1}))}
	for i := range 20 {
		keys = append(keys, h.ID(event.UUID([16]byte{1, 6: 0x70, 8: 0x80, 15: byte(i)})))
	}
	for i := range keys {
		k := &keys[i]
		r.Count(k)
		list(r.Postings(k, 1, math.MaxUint64))
		list(r.Postings(k, 5, 9))
		list(r.After(k, 2, 1, math.MaxUint64))
		r.Stream(k, 7)
	}
	r.Types(func(string, uint64) {})
	for i := r.NameFrom("o"); ; i++ {
		if _, ok := r.Name(i); !ok {
			break
		}
	}
	return r.Check(func(int) error { return nil })
}

// FuzzOpen opens whatever bytes under the name of a run.
func FuzzOpen(f *testing.F) {
	whole, name, h := smallRun(f)
	f.Add(whole)
	f.Add(whole[:page])
	f.Add([]byte("oxbowidx"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := index.Open(disk.OS{}, path)
		if err == nil {
			err = errors.Join(index.Try(func() error { return useAll(r, h) }), r.Close())
		}
		var damage *index.Damage
		if err != nil && !errors.As(err, &damage) {
			t.Errorf("got %v", err)
		}
	})
}

// FuzzParseName reads names of runs as they were written, and no others.
func FuzzParseName(f *testing.F) {
	f.Add("00000000000000000001-00000000000000000021.run")
	f.Add("1-2.run")
	f.Add("-.run")
	f.Add("18446744073709551616-1.run")
	f.Fuzz(func(t *testing.T, name string) {
		first, next, ok := index.ParseName(name)
		if ok && (len(name) != 45 || first > math.MaxUint64-1 && next == 0 && name[0] == '0') {
			t.Errorf("%q is read as %d and %d", name, first, next)
		}
	})
}
