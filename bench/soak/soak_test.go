//go:build unix

package soak

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/deadletter"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/remotestore"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
	"github.com/oxbow-events/oxbow/store/memory"
)

var (
	events = flag.Int("soak.events", 3000, "how many events are consumed")
	seed   = flag.Uint64("soak.seed", 0, "what is killed and paused when; 0 draws one")
)

const processes = 3 // that consume

// patience is how long nothing may happen.
const patience = 2 * time.Minute

func TestReadModelsAreThoseOfACalmRun(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("replay with -soak.seed %d", *seed)
	records := history(*events)
	s := newStorm(t, records)
	s.rage()
	s.mend()
	got := effects(t, s.store)
	s.end()
	want := calmEffects(t, records)
	compare(t, got, want)
	s.report()
}

// storm is what the processes go through.
type storm struct {
	*testing.T
	dir     string
	n       int
	store   *store.Store
	keeper  *process
	workers []*process
	random  *rand.Rand

	kills, pauses, storeKills int
}

func newStorm(t *testing.T, records []event.Record) *storm {
	t.Helper()
	dir := t.TempDir()
	l, err := filelog.Open(filepath.Join(dir, "store"), filelog.Config{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	st := store.New(l, store.Config{})
	if err := write(t.Context(), st, records); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stderr.Close()
		if said, err := os.ReadFile(stderr.Name()); err == nil && t.Failed() {
			t.Logf("the processes said, at the end:\n%s", said[max(0, len(said)-8000):])
		}
	})
	s := &storm{T: t, dir: dir, n: len(records), random: rand.New(rand.NewPCG(*seed, 1))}
	address := freeAddress(t)
	s.keeper = &process{t: t, role: role{Store: true, Dir: dir, Address: address}, stderr: stderr}
	s.keeper.start()
	for i := range processes {
		p := &process{t: t, role: role{Dir: dir, Address: address, Number: i}, stderr: stderr}
		p.start()
		s.workers = append(s.workers, p)
	}
	t.Cleanup(func() { // also of a failed test
		for _, p := range append(s.workers, s.keeper) {
			if p.cmd.ProcessState == nil {
				_ = p.cmd.Process.Kill()
				_ = p.cmd.Wait()
			}
		}
	})
	s.store = store.New(remotestore.Dial(address), store.Config{})
	return s
}

// freeAddress returns an address that nobody listens on.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// rage kills and pauses processes until the history was consumed.
func (s *storm) rage() {
	s.Helper()
	last, moved, told := store.Position(0), time.Now(), time.Now() // of all together
	var deck []func()
	for decks := 1 + s.n/25_000; ; {
		switch {
		case len(deck) > 0:
			s.sleep(100, 1000)
			deck[0]()
			deck = deck[1:]
		case decks > 0:
			s.sleep(500, 6000) // so that something gets done
			deck = s.deal()
			decks--
		default:
			s.sleep(100, 200)
		}
		done := s.done()
		if sum := done.sum(); sum > last {
			last, moved = sum, time.Now()
		}
		if time.Since(told) > time.Minute {
			s.Logf("%v of %d, %d decks to go", done, s.n, decks)
			told = time.Now()
		}
		if done.least() >= store.Position(s.n) && len(deck) == 0 && decks == 0 {
			break
		}
		if time.Since(moved) > patience {
			s.Fatalf("nothing has moved for %v: %v of %d", patience, done, s.n)
		}
	}
	for _, w := range s.workers {
		if w.paused {
			w.signal(syscall.SIGCONT)
		}
	}
}

// deal returns what is done to processes next.
func (s *storm) deal() []func() {
	deck := []func(){s.killWorker, s.killWorker, s.killWorker, s.pauseWorker, s.pauseWorker, s.killStore}
	s.random.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	return deck
}

func (s *storm) killWorker() {
	w := s.workers[s.random.IntN(processes)]
	w.kill()
	w.start()
	w.paused = false
	s.kills++
}

// pauseWorker pauses a process, or lets it go on, which may be after others took its slots.
func (s *storm) pauseWorker() {
	w := s.workers[s.random.IntN(processes)]
	if w.paused {
		w.signal(syscall.SIGCONT)
	} else {
		w.signal(syscall.SIGSTOP)
		s.pauses++
	}
	w.paused = !w.paused
}

func (s *storm) killStore() {
	s.keeper.kill()
	s.keeper.start()
	s.storeKills++
}

func (s *storm) sleep(least, most int) {
	time.Sleep(time.Duration(least+s.random.IntN(most-least)) * time.Millisecond)
}

// reached is the position up to which each has handled everything.
type reached [consumers]store.Position

func (r reached) least() store.Position { return slices.Min(r[:]) }

func (r reached) sum() (sum store.Position) {
	for _, at := range r {
		sum += at
	}
	return sum
}

func (r reached) String() string {
	var said []string
	for who, at := range r {
		said = append(said, fmt.Sprint(names[who], " ", at))
	}
	return strings.Join(said, ", ")
}

// done returns how far everybody is, or zeros when the store does not answer.
func (s *storm) done() (done reached) {
	ctx, cancel := context.WithTimeout(s.Context(), 5*time.Second)
	defer cancel()
	for who, name := range names[:totals] {
		at, err := consumer.Checkpoint(ctx, s.store, name)
		if err != nil {
			return reached{}
		}
		done[who] = at
	}
	p, err := projection.New[tally](s.store, names[totals], projection.Config{})
	if err != nil {
		s.Fatal(err)
	}
	stats, err := p.Stats(ctx)
	if err != nil {
		return reached{}
	}
	done[totals] = stats.Position
	return done
}

// mend lets all events be handled, and redrives until no dead letter is left.
func (s *storm) mend() {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "mended"), nil, 0o600); err != nil {
		s.Fatal(err)
	}
	for _, name := range names[:totals] {
		letters, err := deadletter.New(s.store, name)
		if err != nil {
			s.Fatal(err)
		}
		for least, moved := uint64(math.MaxUint64), time.Now(); ; {
			count, err := letters.Count(s.Context())
			if err != nil {
				s.Fatal(err)
			}
			if count.Letters == 0 {
				break
			}
			if count.Letters < least {
				least, moved = count.Letters, time.Now()
			}
			if time.Since(moved) > patience {
				s.Fatalf("%s has %+v, and none less for %v of redriving", name, count, patience)
			}
			if _, err := letters.Redrive(s.Context(), deadletter.Filter{}, deadletter.Options{All: true, By: "soak"}); err != nil {
				s.Fatal(err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func (s *storm) end() {
	s.Helper()
	for _, w := range s.workers {
		w.stop()
	}
	if err := s.store.Close(); err != nil {
		s.Error(err)
	}
	s.keeper.stop()
}

func (s *storm) report() {
	calls := readCalls(s.T, s.dir, processes)
	s.Logf("%d events; processes killed %d times and paused %d times, the store killed %d times", s.n, s.kills, s.pauses, s.storeKills)
	for who, name := range names {
		s.Logf("%-8s %.3f events handled for each event, in %d calls", name, float64(calls[consumers+who])/float64(s.n), calls[who])
	}
}

// effect is what consumers leave, by who it was and by key.
type effect map[string]string

func effects(t *testing.T, st *store.Store) effect {
	t.Helper()
	e := effect{}
	for _, bucket := range []string{names[counts], names[batches]} {
		for item, err := range st.List(t.Context(), bucket, "", "") {
			if err != nil {
				t.Fatal(err)
			}
			e[bucket+" "+item.Key] = string(item.Value)
		}
	}
	p, err := projection.New[tally](st, names[totals], projection.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for doc, err := range p.All(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		e[names[totals]+" "+doc.Key] = string(doc.JSON)
	}
	for r, err := range st.Read(t.Context(), store.Where(store.Filter{Types: []string{derived{}.EventType()}})) {
		if err != nil {
			t.Fatal(err)
		}
		e[names[derive]+" "+r.Stream] += fmt.Sprintf("%d %s %s\n", r.Revision, r.CausationID, r.Data)
	}
	return e
}

// calmEffects returns what one process leaves to which nothing happens.
func calmEffects(t *testing.T, records []event.Record) effect {
	t.Helper()
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	if err := write(t.Context(), st, records); err != nil {
		t.Fatal(err)
	}
	all, err := workers(st, calm{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range all {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		err := w.(interface {
			WaitFor(context.Context, store.Position) error
		}).WaitFor(ctx, store.Position(len(records)))
		stop()
		if failed := <-ended; err != nil || failed != nil {
			t.Fatal(err, failed)
		}
	}
	return effects(t, st)
}

func compare(t *testing.T, got, want effect) {
	t.Helper()
	differ := 0
	for key, value := range want {
		if got[key] != value {
			if differ++; differ <= 5 {
				t.Errorf("%s differs: got %.300s, want %.300s", key, got[key], value)
			}
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s is there, and should not be", key)
		}
	}
	if differ > 5 {
		t.Errorf("%d effects differ", differ)
	}
	if len(want) < 4*20 {
		t.Errorf("only %d effects were compared", len(want))
	}
}
