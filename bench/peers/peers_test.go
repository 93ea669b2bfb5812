package peers

import (
	"bytes"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
)

// openPeers runs test with each peer of this build, synced and not.
func openPeers(t *testing.T, test func(t *testing.T, open func() Log)) {
	for _, p := range All() {
		for _, sync := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, sync %t", p.Name, sync), func(t *testing.T) {
				if p.Missing != "" {
					t.Skip(p.Missing)
				}
				dir := t.TempDir()
				test(t, func() Log {
					l, err := p.Open(dir, sync)
					if err != nil {
						t.Fatal(err)
					}
					return l
				})
			})
		}
	}
}

func closeLog(t *testing.T, l Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func record(stream, data string) event.Record {
	r := event.Record{Data: []byte(data)}
	r.ID, r.Type, r.Version, r.Stream, r.Time = event.NewID(), "order.placed", 1, stream, time.Now().UTC()
	r.AggregateType, r.AggregateID = "order", "42"
	r.CorrelationID, r.CausationID = event.NewID(), event.NewID()
	r.Source, r.UserID, r.Tags = "/shop/berlin", "user-1", []string{"customer:7", "region:eu"}
	return r
}

// texts returns a function to read with, and what it has read: each record's data.
func texts() (fn func(*event.Record), read *[]string) {
	read = new([]string)
	return func(r *event.Record) { *read = append(*read, string(r.Data)) }, read
}

func TestPeersKeepOrderAndStreams(t *testing.T) {
	openPeers(t, func(t *testing.T, open func() Log) {
		l := open()
		defer func() { closeLog(t, l) }()
		first := []event.Record{record("a", "1"), record("a", "2")}
		head, err := l.Append(t.Context(), "a", 0, first)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), "ab", 0, []event.Record{record("ab", "3")}); err != nil {
			t.Fatal(err)
		}
		if head, err = l.Append(t.Context(), "a", head, []event.Record{record("a", "4")}); err != nil {
			t.Fatal(err)
		}
		closeLog(t, l)
		l = open()
		if _, err := l.Append(t.Context(), "a", head, []event.Record{record("a", "5")}); err != nil {
			t.Fatal("after opening again:", err)
		}
		fn, read := texts()
		if err := l.Replay(t.Context(), fn); err != nil || !reflect.DeepEqual(*read, []string{"1", "2", "3", "4", "5"}) {
			t.Errorf("replayed %q, %v", *read, err)
		}
		for stream, want := range map[string][]string{"a": {"1", "2", "4", "5"}, "ab": {"3"}, "b": nil} {
			fn, read := texts()
			if err := l.Stream(t.Context(), stream, fn); err != nil || !reflect.DeepEqual(*read, want) {
				t.Errorf("stream %s has %q, %v, want %q", stream, *read, err, want)
			}
		}
	})
}

func TestPeersRefuseAnotherHead(t *testing.T) {
	openPeers(t, func(t *testing.T, open func() Log) {
		l := open()
		defer func() { closeLog(t, l) }()
		if _, err := l.Append(t.Context(), "a", 7, []event.Record{record("a", "1")}); err == nil {
			t.Error("took an event for a stream that is not there")
		}
		if _, err := l.Append(t.Context(), "a", 0, []event.Record{record("a", "1"), record("a", "2")}); err != nil {
			t.Fatal(err)
		}
		for n := 1; n <= 2; n++ {
			var events []event.Record
			for range n {
				events = append(events, record("a", "3"))
			}
			if _, err := l.Append(t.Context(), "a", 0, events); err == nil {
				t.Errorf("took %d events for a stream that is further on", n)
			}
		}
		fn, read := texts()
		if err := l.Replay(t.Context(), fn); err != nil || len(*read) != 2 {
			t.Errorf("has %q, %v", *read, err)
		}
	})
}

func TestPeersLoseNothingOfManyWriters(t *testing.T) {
	openPeers(t, func(t *testing.T, open func() Log) {
		l := open()
		const writers, each = 16, 5
		var work sync.WaitGroup
		for w := range writers {
			work.Go(func() {
				stream, head := fmt.Sprint("s", w), uint64(0)
				for n := range each {
					var err error
					if head, err = l.Append(t.Context(), stream, head, []event.Record{record(stream, fmt.Sprint(n))}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		work.Wait()
		closeLog(t, l)
		l = open()
		defer closeLog(t, l)
		var positions []event.Position
		if err := l.Replay(t.Context(), func(r *event.Record) { positions = append(positions, r.Position) }); err != nil {
			t.Fatal(err)
		}
		for i, p := range positions {
			if p != event.Position(i+1) {
				t.Fatalf("positions are %v", positions)
			}
		}
		if len(positions) != writers*each {
			t.Errorf("has %d events of %d", len(positions), writers*each)
		}
	})
}

func TestPeersTakeOneOfManyWithTheSameHead(t *testing.T) {
	openPeers(t, func(t *testing.T, open func() Log) {
		l := open()
		defer func() { closeLog(t, l) }()
		var took atomic.Int64
		var work sync.WaitGroup
		for range 16 {
			work.Go(func() {
				if _, err := l.Append(t.Context(), "a", 0, []event.Record{record("a", "1")}); err == nil {
					took.Add(1)
				}
			})
		}
		work.Wait()
		fn, read := texts()
		if err := l.Stream(t.Context(), "a", fn); err != nil || len(*read) != 1 || took.Load() != 1 {
			t.Errorf("took %d of 16 events for the same revision, and has %q, %v", took.Load(), *read, err)
		}
	})
}

func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	var d recordReader
	for _, data := range []string{"{}", "", "12"} {
		want := record("order-42", data)
		want.Revision, want.Position = 3, 9
		b := appendRecord(nil, &want)
		got, err := d.read(b, 9)
		if err != nil || !bytes.Equal(got.Data, want.Data) {
			t.Fatalf("read %v, %v", got, err)
		}
		metadata, place := got.Metadata, got.Place
		if !reflect.DeepEqual(metadata, want.Metadata) || place != want.Place {
			t.Errorf("read %+v, want %+v", got, want)
		}
		for n := range len(b) - len(data) {
			if _, err := d.read(b[:n], 9); err == nil {
				t.Errorf("the first %d bytes of %d are a record", n, len(b))
			}
		}
	}
}
