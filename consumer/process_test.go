//go:build unix

package consumer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/remotestore"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

var processSeed = flag.Uint64("processes.seed", 0, "repeat the test of processes that come and go with the seed that it printed")

// Variables of a process that shares a consumer with others.
const (
	storeVariable = "OXBOW_CONSUMER_STORE" // where the store is served
	delayVariable = "OXBOW_CONSUMER_DELAY" // how long a handler takes at most
)

// processLease is how long a process that is dead or paused keeps its slots.
const processLease = 2 * time.Second

// workAsked is handled by appending a workDone to another stream, and counting in an item.
type workAsked struct {
	Key string
	N   int
}

func (workAsked) EventType() string     { return "work.asked" }
func (w workAsked) AggregateID() string { return w.Key }

// workDone has an id of its own at each attempt, so that nothing but the commit keeps a second one out.
type workDone struct {
	Of store.Position
	By int // process id
	N  int // as counted in the item
}

func (workDone) EventType() string { return "effect.done" }

const counters = "counters"

// TestProcess is a process of other tests: it shares a consumer until its standard input ends.
func TestProcess(t *testing.T) {
	address := os.Getenv(storeVariable)
	if address == "" {
		t.Skip("is a process that other tests start")
	}
	st := store.New(remotestore.Dial(address), store.Config{})
	defer st.Close()
	delay, err := time.ParseDuration(os.Getenv(delayVariable))
	if err != nil {
		t.Fatal(err)
	}
	cfg := consumer.Config{
		Slots: 8, Lease: processLease, Filters: []store.Filter{{Types: []string{"work.asked"}}}, Logger: slog.New(slog.DiscardHandler),
	}
	c, err := consumer.New(st, "working", cfg, consumer.OnRecord(func(ctx context.Context, r event.Record) error {
		fmt.Printf("handling %d\n", r.Position)
		time.Sleep(rand.N(delay + 1))
		return work(context.WithoutCancel(ctx), r) // it does not even hear that it is to end
	}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := c.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func work(ctx context.Context, r event.Record) error {
	tx := consumer.Transaction(ctx)
	counter, err := tx.Get(ctx, counters, r.Stream)
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(string(counter.Value))
	if err := tx.Put(counters, r.Stream, strconv.AppendInt(nil, int64(n+1), 10)); err != nil {
		return err
	}
	return tx.Append(workDone{Of: r.Position, By: os.Getpid(), N: n + 1}, event.WithID(event.NewID()), event.WithStream("effect-"+r.Stream))
}

// office has the store that processes share.
type office struct {
	*testing.T
	address string
	store   *store.Store
	asked   map[string][]store.Position // by key
}

func newOffice(t *testing.T) *office {
	data := memory.New()
	address, stop, err := remotestore.Serve(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
		data.Close()
	})
	return &office{T: t, address: address, store: store.New(data, store.Config{}), asked: map[string][]store.Position{}}
}

func (o *office) ask(keys, each int) (last store.Position) {
	o.Helper()
	for range each {
		var data []any
		for k := range keys {
			data = append(data, workAsked{strconv.Itoa(k), len(o.asked[strconv.Itoa(k)])})
		}
		receipt, err := o.store.Append(o.Context(), data...)
		if err != nil {
			o.Fatal(err)
		}
		for k := range keys {
			o.asked[strconv.Itoa(k)] = append(o.asked[strconv.Itoa(k)], receipt.First+store.Position(k))
		}
		last = receipt.Last
	}
	return last
}

// await waits until there is an effect of everything that was asked.
func (o *office) await() {
	o.Helper()
	ctx, cancel := context.WithTimeout(o.Context(), time.Minute)
	defer cancel()
	want := 0
	for _, positions := range o.asked {
		want += len(positions)
	}
	for _, err := range o.store.Follow(ctx, store.Where(store.Filter{Types: []string{"effect.done"}})) {
		if err != nil {
			o.check()
			o.Fatalf("%d effects are missing: %v", want, err)
		}
		if want--; want == 0 {
			return
		}
	}
}

// check fails unless everything that was asked has one effect, in the order of its key.
func (o *office) check() (by map[int]int) {
	o.Helper()
	by = map[int]int{}
	for key, positions := range o.asked {
		stream := "work-" + key
		var done []workDone
		for r, err := range o.store.Read(o.Context(), store.Stream("effect-"+stream)) {
			if err != nil {
				o.Fatal(err)
			}
			var d workDone
			if err := json.Unmarshal(r.Data, &d); err != nil {
				o.Fatal(err)
			}
			done = append(done, d)
			by[d.By]++
		}
		for i := range max(len(positions), len(done)) {
			if i >= len(done) || i >= len(positions) || done[i].Of != positions[i] || done[i].N != i+1 {
				o.Errorf("key %s: %d records have %d effects; from the %dth on they are %+v", key, len(positions), len(done), i+1, done[min(i, len(done)):])
				break
			}
		}
		counter, err := o.store.Get(o.Context(), counters, stream)
		if err != nil || string(counter.Value) != strconv.Itoa(len(positions)) {
			o.Errorf("key %s: the counter is %s, %v, want %d", key, counter.Value, err, len(positions))
		}
	}
	return by
}

// clerk is a process.
type clerk struct {
	cmd   *exec.Cmd
	input io.Closer
	read  sync.WaitGroup

	mu       sync.Mutex
	handling []store.Position
	news     chan struct{}
}

func (o *office) hire(delay time.Duration) *clerk {
	o.Helper()
	c := &clerk{cmd: exec.Command(os.Args[0], "-test.run=^TestProcess$", "-test.v"), news: make(chan struct{}, 1)}
	c.cmd.Env = append(os.Environ(), storeVariable+"="+o.address, delayVariable+"="+delay.String())
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err == nil {
		c.input, err = c.cmd.StdinPipe()
	}
	if err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		o.Fatal(err)
	}
	c.read.Go(func() { c.listen(out) })
	o.Cleanup(func() { c.kill() })
	return c
}

func (c *clerk) listen(out io.Reader) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		position, ok := strings.CutPrefix(lines.Text(), "handling ")
		if !ok {
			continue
		}
		p, err := strconv.ParseUint(position, 10, 64)
		if err != nil {
			continue // a line that was cut by a kill
		}
		c.mu.Lock()
		c.handling = append(c.handling, store.Position(p))
		c.mu.Unlock()
		select {
		case c.news <- struct{}{}:
		default:
		}
	}
}

// handled returns the positions that it began to handle, in order.
func (c *clerk) handled() []store.Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handling[:len(c.handling):len(c.handling)]
}

// until waits for what the process began to handle.
func (c *clerk) until(o *office, enough func(handled []store.Position) bool) {
	o.Helper()
	patience := time.After(time.Minute)
	for !enough(c.handled()) {
		select {
		case <-c.news:
		case <-patience:
			o.Fatalf("process %d handled %v, and then nothing more", c.cmd.Process.Pid, c.handled())
		}
	}
}

func (c *clerk) signal(o *office, s os.Signal) {
	o.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		o.Fatal(err)
	}
}

// leave lets the process end as it should.
func (c *clerk) leave(o *office) {
	o.Helper()
	c.input.Close()
	c.read.Wait()
	if err := c.cmd.Wait(); err != nil {
		o.Errorf("process %d: %v", c.cmd.Process.Pid, err)
	}
}

func (c *clerk) kill() {
	if errors.Is(c.cmd.Process.Kill(), os.ErrProcessDone) {
		return
	}
	c.read.Wait()
	_ = c.cmd.Wait() // it says that it was killed
}

// TestAPausedProcessNeitherHandlesNorCommitsForSlotsThatItLost stops a process while handlers of it run, lets another one take over, and
// then lets the first go on.
func TestAPausedProcessNeitherHandlesNorCommitsForSlotsThatItLost(t *testing.T) {
	o := newOffice(t)
	o.ask(12, 8)
	paused := o.hire(300 * time.Millisecond)
	paused.until(o, func(handled []store.Position) bool { return len(handled) > 10 })
	paused.signal(o, syscall.SIGSTOP)
	heir := o.hire(0)
	o.await()

	before := o.lastAsked()
	began := len(paused.handled())
	paused.signal(o, syscall.SIGCONT)
	// It is a member again in the end, and handles what comes then.
	for tries := 0; ; tries++ {
		o.ask(12, 1)
		o.await()
		if len(paused.handled()) > began || tries == 300 {
			break
		}
		time.Sleep(50 * time.Millisecond) // real time, for a real process
	}
	for _, p := range paused.handled()[began:] {
		if p <= before {
			t.Errorf("after the pause it began to handle position %d, which another had done meanwhile", p)
		}
	}
	if len(paused.handled()) == began {
		t.Error("after the pause it handled nothing any more")
	}
	paused.leave(o)
	heir.leave(o)
	if by := o.check(); by[heir.cmd.Process.Pid] == 0 {
		t.Errorf("the effects are by %v: the other process did nothing", by)
	}
}

func (o *office) lastAsked() (last store.Position) {
	for _, positions := range o.asked {
		last = max(last, positions[len(positions)-1])
	}
	return last
}

// TestEffectsAreThereOnceWhateverBecomesOfTheProcesses starts, ends, kills and pauses processes at random while records flow.
func TestEffectsAreThereOnceWhateverBecomesOfTheProcesses(t *testing.T) {
	seed := *processSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -processes.seed=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	o := newOffice(t)
	var clerks []*clerk
	var gone sync.WaitGroup
	for range 25 {
		o.ask(25, 4)
		if len(clerks) < 2 || len(clerks) < 4 && random.IntN(4) == 0 {
			clerks = append(clerks, o.hire(5*time.Millisecond))
		}
		i := random.IntN(len(clerks))
		c := clerks[i]
		switch random.IntN(6) {
		case 0:
			clerks = append(clerks[:i], clerks[i+1:]...)
			c.signal(o, syscall.SIGCONT)
			gone.Go(func() { c.leave(o) })
		case 1:
			clerks = append(clerks[:i], clerks[i+1:]...)
			c.kill()
		case 2:
			c.signal(o, syscall.SIGSTOP)
		case 3:
			c.signal(o, syscall.SIGCONT)
		}
		time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond)))) // real time, for real processes
	}
	for _, c := range clerks {
		c.signal(o, syscall.SIGCONT)
	}
	clerks = append(clerks, o.hire(0))
	o.await()
	for _, c := range clerks {
		c.leave(o)
	}
	gone.Wait()
	by := o.check()
	t.Logf("%d processes did the work: %v", len(by), by)
}
