package filelog_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

// benchEvent has 200 bytes of JSON and about 150 bytes of metadata.
func benchEvent(stream string) event.Record {
	r := event.Record{
		Metadata: event.Metadata{
			ID: event.NewID(), Type: "order.placed", Version: 1, Source: "/shop/eu", Time: time.Now().UTC(),
			AggregateType: "order", AggregateID: stream, Tags: []string{"customer:7"}, UserID: "user-1234",
			ContentType: "application/json",
		},
		Place: event.Place{Stream: stream},
		Data:  benchData,
	}
	r.CorrelationID = r.ID
	return r
}

var benchData = fmt.Appendf(nil, `{"order":"0123456789","filler":"%s"}`, bytes.Repeat([]byte("x"), 165))

const benchStreams = 1000

func benchStream(n int) string { return fmt.Sprintf("order-%d", n%benchStreams) }

// appendBatch appends at the revision that the stream must have when every commit so far had this many events of its own.
func appendBatch(b *testing.B, l *filelog.Log, stream string, size int, revision uint64) {
	var c store.Commit
	for range size {
		c.Events = append(c.Events, benchEvent(stream))
	}
	c.Conditions = []store.Condition{store.AtRevision(stream, revision)}
	if _, err := l.Append(b.Context(), c); err != nil {
		b.Fatal(err)
	}
}

// reportMedian adds the median to the mean that the benchmark prints anyway.
func reportMedian(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkRawAppend is what one writer is measured against: 400 bytes and a sync.
func BenchmarkRawAppend(b *testing.B) {
	f, err := filelog.RealFiles().OpenFile(filepath.Join(b.TempDir(), "raw"), os.O_RDWR|os.O_CREATE)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	buf, took := make([]byte, 400), make([]time.Duration, 0, b.N)
	for b.Loop() {
		begin := time.Now()
		if _, err := f.WriteAt(buf, int64(len(took)*len(buf))); err != nil {
			b.Fatal(err)
		}
		if err := f.SyncData(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	reportMedian(b, took)
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name  string
		cfg   filelog.Config
		batch int
	}{
		{"1Event/Fsynced", filelog.Config{}, 1},
		{"100Events/Fsynced", filelog.Config{}, 100},
		{"1Event/InFile", filelog.Config{NoSync: true}, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := open(b, b.TempDir(), c.cfg)
			var took []time.Duration
			for b.Loop() {
				n, begin := len(took), time.Now()
				appendBatch(b, l, benchStream(n), c.batch, uint64(n/benchStreams*c.batch))
				took = append(took, time.Since(begin))
			}
			reportMedian(b, took)
			b.ReportMetric(float64(len(took)*c.batch)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkAppendWriters(b *testing.B) {
	for _, writers := range []int{64, 1024} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			files := &counting{FileSystem: filelog.RealFiles()}
			l := openOn(b, b.TempDir(), filelog.Config{}, files)
			var writer atomic.Int64
			b.SetParallelism(writers / 2) // for each of two cores
			b.RunParallel(func(pb *testing.PB) {
				w := writer.Add(1)
				for n := 0; pb.Next(); n++ {
					stream := fmt.Sprintf("order-%d-%d", w, n%(benchStreams/writers+1))
					appendBatch(b, l, stream, 1, uint64(n/(benchStreams/writers+1)))
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(b.N)/float64(files.syncs.Load()), "events/sync")
		})
	}
}

// counting is the real file system, and counts syncs.
type counting struct {
	filelog.FileSystem
	syncs atomic.Int64
}

type countingFile struct {
	filelog.File
	syncs *atomic.Int64
}

func (c *counting) OpenFile(name string, flag int) (filelog.File, error) {
	f, err := c.FileSystem.OpenFile(name, flag)
	return &countingFile{f, &c.syncs}, err
}

func (f *countingFile) SyncData() error {
	f.syncs.Add(1)
	return f.File.SyncData()
}

// filled returns a closed log with so many events over benchStreams streams.
func filled(b *testing.B, events int) (dir string) {
	dir = b.TempDir()
	l := open(b, dir, filelog.Config{NoSync: true})
	for n := 0; n < events; n += 1000 {
		var c store.Commit
		for i := range 1000 {
			c.Events = append(c.Events, benchEvent(benchStream(n+i)))
		}
		if _, err := l.Append(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

func BenchmarkRead(b *testing.B) {
	const events = 500_000
	l := open(b, filled(b, events), filelog.Config{})
	for _, c := range []struct {
		name  string
		query store.Query
		found int
	}{
		{"Replay", store.Query{}, events},
		{"ReplayBackward", store.Query{Backward: true}, events},
		{"OneStream", store.Stream("order-7"), events / benchStreams},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				found := 0
				for _, err := range l.Read(b.Context(), c.query) {
					if err != nil {
						b.Fatal(err)
					}
					found++
				}
				if found != c.found {
					b.Fatalf("found %d, want %d", found, c.found)
				}
			}
			b.ReportMetric(float64(b.N*c.found)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	const events = 500_000
	dir := filled(b, events)
	for b.Loop() {
		l, err := filelog.Open(dir, filelog.Config{})
		if err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
	b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
}
