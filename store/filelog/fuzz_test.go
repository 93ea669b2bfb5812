package filelog_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// payload is how the sequencer puts a record together.
func payload(r *event.Record) []byte {
	b := binary.AppendUvarint([]byte{filelog.RecordVersion}, r.Revision)
	return filelog.AppendRecord(b, r)
}

func TestRecordComesBackWhole(t *testing.T) {
	uuid, text := event.UUID([16]byte{1, 2, 3}), mustID("not a uuid")
	for name, change := range map[string]func(r *event.Record){
		"AsItIs":          func(*event.Record) {},
		"NilData":         func(r *event.Record) { r.Data = nil },
		"EmptyData":       func(r *event.Record) { r.Data = []byte{} },
		"LargeData":       func(r *event.Record) { r.Data = make([]byte, 1<<20) },
		"NilTags":         func(r *event.Record) { r.Tags = nil },
		"EmptyTags":       func(r *event.Record) { r.Tags = []string{} },
		"NilHeaders":      func(r *event.Record) { r.Headers = nil },
		"EmptyHeaders":    func(r *event.Record) { r.Headers = map[string]string{} },
		"JSON":            func(r *event.Record) { r.ContentType = "application/json" },
		"NoContentType":   func(r *event.Record) { r.ContentType = "" },
		"OwnCorrelation":  func(r *event.Record) { r.CorrelationID = r.ID },
		"NoCorrelation":   func(r *event.Record) { r.CorrelationID = event.ID{} },
		"UUIDs":           func(r *event.Record) { r.ID, r.CorrelationID, r.CausationID = uuid, uuid, uuid },
		"ForeignIDs":      func(r *event.Record) { r.ID, r.CorrelationID, r.CausationID = text, text, text },
		"NilUUID":         func(r *event.Record) { r.ID = event.UUID([16]byte{}) },
		"UpperCaseUUID":   func(r *event.Record) { r.ID = mustID("0192F0C1-2345-7ABC-8DEF-0123456789AB") },
		"VersionZero":     func(r *event.Record) { r.Version = 0 },
		"LastTime":        func(r *event.Record) { r.Time = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC) },
		"TimeBefore1970":  func(r *event.Record) { r.Time = time.Date(1969, 7, 20, 20, 17, 40, 1, time.UTC) },
		"LargestRevision": func(r *event.Record) { r.Revision = 1<<64 - 1 },
		"OnlyWhatIsNeeded": func(r *event.Record) {
			*r = event.Record{Metadata: event.Metadata{ID: uuid, Type: "t", Time: time.Unix(0, 0).UTC()}, Place: event.Place{Stream: "s"}}
		},
		"HeaderWithNewline": func(r *event.Record) { r.Headers["x"] = "a\nb" },
	} {
		r := fullRecord()
		change(&r)
		got, err := filelog.DecodeRecord(payload(&r), true)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("%s: got %+v, %v\nwant %+v", name, got, err, r)
		}
	}
}

func mustID(s string) event.ID {
	id, err := event.ParseID(s)
	if err != nil {
		panic(err)
	}
	return id
}

func FuzzDecodeRecord(f *testing.F) {
	full, bare := fullRecord(), record(1, "s")
	for _, r := range []*event.Record{&full, &bare} {
		f.Add(payload(r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		own := slices.Clone(b)
		r, err := filelog.DecodeRecord(b, true)
		if err != nil {
			return
		}
		clear(b) // what was decoded must not change with it
		again, err := filelog.DecodeRecord(payload(&r), true)
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%x is read as %+v, and written and read again as %+v, %v", own, r, again, err)
		}
		bare, err := filelog.DecodeRecord(own, false)
		bare.Data = r.Data
		if err != nil || !reflect.DeepEqual(bare, r) {
			t.Errorf("%x is read differently without its data: %+v, %v", own, bare, err)
		}
	})
}

func FuzzRecordComesBackWhole(f *testing.F) {
	f.Add("id", "type", "stream", "tag", "header", "value", []byte("data"), int64(0), int64(0), 1)
	f.Fuzz(func(t *testing.T, id, kind, stream, tag, name, value string, data []byte, seconds, nanos int64, version int) {
		var r event.Record
		r.ID, _ = event.ParseID(id)
		r.Type, r.Stream, r.Tags, r.Data = kind, stream, []string{tag, tag + "x"}, data
		r.Headers = map[string]string{name: value, "": name}
		r.Time, r.Version = time.Unix(seconds, nanos).UTC(), max(version, 0)
		if y := r.Time.Year(); y < 1 || y > 9999 {
			return
		}
		got, err := filelog.DecodeRecord(payload(&r), true)
		if err != nil || !reflect.DeepEqual(got, r) {
			t.Errorf("got %+v, %v\nwant %+v", got, err, r)
		}
	})
}

func FuzzDecodeItem(f *testing.F) {
	for _, w := range []store.ItemWrite{store.Put("b", "k", []byte("v")), store.Put("b", "k", nil), store.Delete("b", "k")} {
		f.Add(filelog.AppendItem(nil, &w))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := filelog.DecodeItem(b)
		if err != nil {
			return
		}
		again, err := filelog.DecodeItem(filelog.AppendItem(nil, &w))
		if err != nil || !reflect.DeepEqual(again, w) {
			t.Errorf("%x is read as %+v, and written and read again as %+v, %v", b, w, again, err)
		}
	})
}

func FuzzDecodeGone(f *testing.F) {
	f.Add(filelog.AppendGone(3, 2, 1, map[string]uint64{"a": 1, "b": 1}))
	f.Add(filelog.AppendGone(0, 0, 7, nil))
	f.Add(binary.AppendUvarint([]byte{1, 0, 1, 0}, 1<<62))
	f.Fuzz(func(t *testing.T, b []byte) {
		commits, positions, items, types, err := filelog.DecodeGone(b)
		if err != nil {
			return
		}
		sum := uint64(0)
		for _, n := range types {
			sum += n
		}
		if sum != positions || commits == 0 && positions == 0 && items == 0 {
			t.Errorf("%x is read as %d, %d, %d, %v", b, commits, positions, items, types)
		}
		c, p, i, again, err := filelog.DecodeGone(filelog.AppendGone(commits, positions, items, types))
		if err != nil || c != commits || p != positions || i != items || !reflect.DeepEqual(again, types) {
			t.Errorf("%x is read as %d, %d, %d, %v, and written and read again as %d, %d, %d, %v, %v", b, commits, positions, items, types, c, p, i, again, err)
		}
	})
}

// FuzzOpenCompacted changes bytes of a compacted segment. Opening, with no index, and Verify find that, or all is as it was.
func FuzzOpenCompacted(f *testing.F) {
	dir := compactedGolden(f)
	want := answers(f, open(f, image(f, dir), filelog.Config{}))
	path := segments(f, dir)[0]
	sound := contents(f, path)
	for _, at := range []int{9, 100, 300, len(sound) - 100, len(sound) - 20} {
		f.Add(at, []byte{sound[at] ^ 1})
	}
	f.Add(0, sound)
	f.Fuzz(func(t *testing.T, at int, over []byte) {
		dir := image(t, dir)
		at = min(max(at, 0), len(sound))
		changed := append(slices.Clone(sound[:at]), over...)
		if len(changed) < len(sound) {
			changed = append(changed, sound[len(changed):]...)
		}
		rewrite(t, segments(t, dir)[0], changed)
		report, err := filelog.Verify(t.Context(), dir, nil)
		if err != nil && !slices.Equal(changed, sound) {
			return // a newer version, perhaps
		}
		l, err := filelog.OpenOn(dir, filelog.Config{}, quick())
		if err != nil {
			if len(report.Damage) == 0 {
				t.Errorf("open says %v, and verify finds nothing", err)
			}
			return
		}
		defer l.Close()
		if got := answers(t, l); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	})
}

// FuzzOpen puts whatever bytes behind a sound beginning. Opening takes it for a torn tail or refuses it, and never makes up an event.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	l := open(f, dir, filelog.Config{})
	appendTo(f, l, commit(record(1, "a")))
	first := size(f, dir)
	appendTo(f, l, commit(record(2, "a"), record(3, "a")))
	l.Close()
	whole := contents(f, newest(f, dir))
	name := filepath.Base(newest(f, dir))
	f.Add(first, whole[first:])
	f.Add(0, whole)
	f.Add(first, []byte("\xf1oxb\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, keep int, behind []byte) {
		dir := t.TempDir()
		os.Mkdir(filepath.Join(dir, "log"), 0o700)
		rewrite(t, filepath.Join(dir, "log", name), append(slices.Clone(whole[:min(max(keep, 0), len(whole))]), behind...))
		l, err := filelog.OpenOn(dir, filelog.Config{}, quick())
		if err != nil {
			return
		}
		defer l.Close()
		if got := texts(t, l); !slices.Equal(got, []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}[:len(got)]) {
			t.Errorf("there is %v", got)
		}
	})
}

func TestHostileLengthsTakeNoMemory(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<62)
	full := fullRecord()
	sound := payload(&full)
	var hostile [][]byte
	for at := range sound {
		hostile = append(hostile, slices.Concat(sound[:at], huge, sound[at:]))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, b := range hostile {
		filelog.DecodeGone(b)
		filelog.DecodeRecord(b, true)
		filelog.DecodeItem(b)
	}
	runtime.ReadMemStats(&after)
	if used := (after.TotalAlloc - before.TotalAlloc) / uint64(len(hostile)); used > 32<<10 {
		t.Errorf("a hostile record of %d bytes takes %d bytes of memory", len(sound)+len(huge), used)
	}
}

func TestForeignHeadersAreRefused(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, filelog.Config{}).Close()
	sound := contents(t, newest(t, dir))[:filelog.HeaderSize]
	for n := range len(sound) {
		if _, err := filelog.ParseHeader("f", sound[:n]); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("the first %d bytes of a header: got %v, want damage", n, err)
		}
	}
	if _, err := filelog.ParseHeader("f", sound); err != nil {
		t.Error(err)
	}
}

// signPlaces makes the checksums of a file of places right.
func signPlaces(b []byte) {
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[88:], crc32.Checksum(b[96:], table))
	binary.LittleEndian.PutUint32(b[92:], crc32.Checksum(b[:92], table))
}

// FuzzPlaces changes a file of places in two places and, if asked to, makes its checksums right again. It is either refused, or tells offsets for the
// records that the segment has, and for no others.
func FuzzPlaces(f *testing.F) {
	path, whole, open := filelog.SomePlaces(f.TempDir())
	f.Add(48, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f}, 96, []byte{1}, true)
	f.Add(40, []byte{9}, 100, []byte{0xff, 0xff, 0xff, 0xff}, true)
	f.Add(97, []byte{9}, 0, []byte{}, false)
	f.Add(len(whole)-1, []byte{1, 2, 3}, 88, []byte{1}, false)
	f.Fuzz(func(t *testing.T, at int, put []byte, at2 int, put2 []byte, signed bool) {
		b := slices.Clone(whole)
		copy(b[min(max(at, 0), len(b)):], put)
		copy(b[min(max(at2, 0), len(b)):], put2)
		if signed {
			signPlaces(b)
		}
		rewrite(t, path, b)
		if n, err := open(); err != nil && !errors.Is(err, store.ErrDamaged) || err == nil && n != (len(b)-96)/4 {
			t.Errorf("%d offsets, %v", n, err)
		}
	})
}

// FuzzPlacesFile opens whatever bytes as a file of places.
func FuzzPlacesFile(f *testing.F) {
	path, whole, open := filelog.SomePlaces(f.TempDir())
	f.Add(whole)
	f.Add(whole[:96])
	f.Add(whole[:20])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		rewrite(t, path, b)
		if _, err := open(); (err == nil) != slices.Equal(b, whole) || err != nil && !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%x: got %v", b, err)
		}
	})
}
