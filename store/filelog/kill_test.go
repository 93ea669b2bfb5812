package filelog_test

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

var (
	killRounds = flag.Int("kill.rounds", 50, "how often the kill test kills the writing process")
	killSeed   = flag.Uint64("kill.seed", 0, "repeat the kill test with the seed that it printed; 0 for a new one")
)

const (
	killWriters = 4
	killFolder  = 10 // rounds in one folder before it begins with an empty one
)

// killEvent says which commit of which writer it belongs to, and which of how many it is.
type killEvent struct {
	Writer, Commit, Index, Of int
	Filler                    string
}

// killAck is what the child prints for each receipt.
type killAck struct {
	Writer, Commit int
	First, Last    store.Position
	ItemRevision   uint64
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -kill.seed=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	total := 0
	var trial *killTrial
	for round := range *killRounds {
		if round%killFolder == 0 {
			trial = &killTrial{T: t, dir: t.TempDir(), acks: map[[2]int]killAck{}}
		}
		before := len(trial.acks)
		trial.writeAndKill(random)
		trial.check(round)
		total += len(trial.acks) - before
		if t.Failed() {
			t.Fatalf("in round %d, seed %d", round, seed)
		}
	}
	t.Logf("%d commits were acknowledged in %d rounds", total, *killRounds)
	if total == 0 {
		t.Error("no child acknowledged anything, so nothing was tested")
	}
}

type killTrial struct {
	*testing.T
	dir  string
	acks map[[2]int]killAck // by writer and commit, of all rounds in this folder
}

// writeAndKill lets a child write, kills it after some acknowledgements or some time, and takes what it acknowledged.
func (k *killTrial) writeAndKill(random *rand.Rand) {
	k.Helper()
	child, out := startChild(k.T, "write", k.dir, "FILELOG_SEED="+strconv.FormatUint(random.Uint64(), 10))
	enough := random.IntN(400)
	if random.IntN(2) == 0 {
		enough = 1 << 30
		timer := time.AfterFunc(time.Duration(random.IntN(250))*time.Millisecond, func() { child.Process.Kill() })
		defer timer.Stop()
	}
	lines := bufio.NewReader(out)
	for n := 0; ; n++ {
		if n == enough {
			child.Process.Kill()
		}
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break // the rest of a line that was being written is no acknowledgement
		}
		var ack killAck
		if err := json.Unmarshal(line, &ack); err != nil {
			k.Fatalf("child said %q: %v", line, err)
		}
		k.acks[[2]int{ack.Writer, ack.Commit}] = ack
	}
	if child.Wait(); child.ProcessState.Exited() {
		k.Fatalf("the child ended by itself: %v", child.ProcessState)
	}
}

// check opens what the child left; in every other round a copy of it, so that the next child has to recover.
func (k *killTrial) check(round int) {
	k.Helper()
	dir := k.dir
	if _, err := os.Stat(filepath.Join(dir, "log")); err != nil {
		return // killed before it began
	}
	if round%2 == 1 {
		dir = image(k.T, dir)
	}
	if report, err := filelog.Verify(k.Context(), dir, nil); err != nil || report.Err() != nil {
		k.Fatalf("verify: %v, %v", err, report.Err())
	}
	l := open(k.T, dir, filelog.Config{})
	defer l.Close()
	seen := killSeen{killTrial: k, commits: map[[2]int]killAck{}, revisions: map[string]uint64{}, items: map[int]int{}}
	for r, err := range l.Read(k.Context(), store.Query{}) {
		if err != nil {
			k.Fatal(err)
		}
		seen.record(r)
	}
	seen.compare(l)
}

// killSeen is what a walk over the log found.
type killSeen struct {
	*killTrial
	head      store.Position
	commits   map[[2]int]killAck
	revisions map[string]uint64
	latest    [killWriters]int
	items     map[int]int // newest commit with an item, by writer
	open      int         // events still to come of the commit that the walk is in
	last      killEvent
}

func (s *killSeen) record(r event.Record) {
	s.Helper()
	s.head++
	s.revisions[r.Stream]++
	if r.Position != s.head || r.Revision != s.revisions[r.Stream] {
		s.Fatalf("found position %d and revision %d where %d and %d should be", r.Position, r.Revision, s.head, s.revisions[r.Stream])
	}
	var e killEvent
	if err := json.Unmarshal(r.Data, &e); err != nil {
		s.Fatalf("position %d: %v", r.Position, err)
	}
	key := [2]int{e.Writer, e.Commit}
	if s.open == 0 {
		s.begin(key, e, r.Position)
	} else if e.Index != s.last.Index+1 || e.Writer != s.last.Writer || e.Commit != s.last.Commit {
		s.Fatalf("position %d: %+v stands within the commit of %+v", r.Position, e, s.last)
	}
	ack := s.commits[key]
	ack.Last = r.Position
	s.commits[key] = ack
	s.last, s.open = e, s.open-1
}

func (s *killSeen) begin(key [2]int, e killEvent, p store.Position) {
	s.Helper()
	if e.Index != 1 || e.Commit != s.latest[e.Writer]+1 {
		s.Fatalf("position %d: %+v follows commit %d of its writer", p, e, s.latest[e.Writer])
	}
	s.latest[e.Writer], s.open = e.Commit, e.Of
	s.commits[key] = killAck{Writer: e.Writer, Commit: e.Commit, First: p}
	if e.Commit%2 == 0 {
		s.items[e.Writer] = e.Commit
	}
}

func (s *killSeen) compare(l *filelog.Log) {
	s.Helper()
	if s.open > 0 {
		s.Fatalf("the last commit lacks %d events: %+v", s.open, s.last)
	}
	for key, ack := range s.acks {
		if got := s.commits[key]; got.First != ack.First || got.Last != ack.Last {
			s.Fatalf("writer %d commit %d was acknowledged at %d to %d, and is at %d to %d",
				key[0], key[1], ack.First, ack.Last, got.First, got.Last)
		}
	}
	for writer, want := range s.items {
		item, err := l.Get(s.Context(), "latest", strconv.Itoa(writer))
		if err != nil || string(item.Value) != strconv.Itoa(want) {
			s.Fatalf("writer %d: item says %q, %v; its newest commit with an item is %d", writer, item.Value, err, want)
		}
		if ack := s.acks[[2]int{writer, want}]; ack.ItemRevision > 0 && ack.ItemRevision != item.Revision {
			s.Fatalf("writer %d: item has revision %d, acknowledged was %d", writer, item.Revision, ack.ItemRevision)
		}
	}
}

// writeUntilKilled is the child: several writers append while the log is compacted, of which only items are ever gone, and from time to
// time it closes the log and opens it again.
func writeUntilKilled() error {
	seed, err := strconv.ParseUint(os.Getenv("FILELOG_SEED"), 10, 64)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 1))
	for {
		if err := writeForAWhile(random); err != nil {
			return err
		}
	}
}

func writeForAWhile(random *rand.Rand) error {
	l, err := filelog.Open(os.Getenv("FILELOG_DIR"), filelog.Config{SegmentBytes: 1 + random.Int64N(32<<10)})
	if err != nil {
		return err
	}
	next, err := nextCommits(l)
	if err != nil {
		return err
	}
	failed := make([]error, killWriters+1)
	count := random.IntN(200)
	var writers sync.WaitGroup
	for w := range killWriters {
		own := rand.New(rand.NewPCG(random.Uint64(), 2))
		writers.Go(func() { failed[w] = writeCommits(l, w, next[w], count, own) })
	}
	if random.IntN(2) == 0 {
		writers.Go(func() { _, failed[killWriters] = l.Compact(context.Background(), filelog.CompactConfig{All: true}) })
	}
	writers.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return l.Close()
}

// nextCommits finds where each writer goes on.
func nextCommits(l *filelog.Log) (next [killWriters]int, err error) {
	for w := range next {
		next[w] = 1
	}
	for r, err := range l.Read(context.Background(), store.Query{}) {
		if err != nil {
			return next, err
		}
		var e killEvent
		if err := json.Unmarshal(r.Data, &e); err != nil {
			return next, err
		}
		next[e.Writer] = e.Commit + 1
	}
	return next, nil
}

func writeCommits(l *filelog.Log, writer, from, count int, random *rand.Rand) error {
	for n := from; n < from+count; n++ {
		c := killCommit(writer, n, random)
		receipt, err := l.Append(context.Background(), c)
		if err != nil {
			return err
		}
		line, err := json.Marshal(killAck{writer, n, receipt.First, receipt.Last, receipt.ItemRevision})
		if err != nil {
			return err
		}
		if _, err := os.Stdout.Write(append(line, '\n')); err != nil {
			return io.ErrClosedPipe
		}
	}
	return nil
}

func killCommit(writer, n int, random *rand.Rand) (c store.Commit) {
	of := 1 + random.IntN(5)
	for i := 1; i <= of; i++ {
		data, _ := json.Marshal(killEvent{writer, n, i, of, fmt.Sprintf("%0*d", random.IntN(2000), 0)})
		r := record(0, fmt.Sprintf("stream-%d", random.IntN(6)))
		r.ID, r.Data = event.NewID(), data
		c.Events = append(c.Events, r)
	}
	if n%2 == 0 {
		c.Items = []store.ItemWrite{store.Put("latest", strconv.Itoa(writer), []byte(strconv.Itoa(n)))}
	}
	return c
}
