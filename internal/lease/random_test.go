package lease_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

var (
	seeds = flag.Int("lease.seeds", 20, "how many random runs the lease's model test makes")
	seed  = flag.Uint64("lease.seed", 0, "repeat the random run with the seed that the model test printed")
)

// TestEverySlotHasOneHolderWhateverHappens lets members come, go, pause, die and lose answers at random, while they count in their
// slots' payloads, and a referee below them sees every commit.
func TestEverySlotHasOneHolderWhateverHappens(t *testing.T) {
	if *seed > 0 {
		play(t, *seed)
		return
	}
	for range *seeds {
		if play(t, rand.Uint64()|1); t.Failed() {
			return
		}
	}
}

func play(t *testing.T, seed uint64) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(seed, 0))
		data := memory.New()
		defer data.Close()
		m := &match{T: t, referee: &referee{Driver: data, slots: map[string]seen{}, gates: map[string]int{}}, slots: 1 + random.IntN(8)}
		for range 60 {
			m.step(random)
			time.Sleep(time.Duration(random.Int64N(int64(6 * time.Second)))) // fake time
		}
		m.calm()
		m.end()
		for _, fault := range m.referee.faults {
			t.Errorf("%s", fault)
		}
		if m.referee.counted == 0 {
			t.Error("nobody counted anything")
		}
		if t.Failed() {
			t.Logf("repeat with -lease.seed=%d", seed)
		}
	})
}

// match is one random run.
type match struct {
	*testing.T
	referee *referee
	slots   int
	players []*player
	all     []*player
}

func (m *match) step(random *rand.Rand) {
	if len(m.players) == 0 || len(m.players) < 5 && random.IntN(4) == 0 {
		m.enter(random.Uint64())
		return
	}
	i := random.IntN(len(m.players))
	p := m.players[i]
	switch random.IntN(6) {
	case 0: // leaves
		p.gate.open()
		p.gate.failWith(nil)
		p.gate.loseAnswers(false)
		p.cancel()
		m.players = append(m.players[:i], m.players[i+1:]...)
	case 1: // dies: nothing of it reaches the store any more
		p.gate.failWith(errDown)
		p.gate.open()
		p.cancel()
		m.players = append(m.players[:i], m.players[i+1:]...)
	case 2:
		p.gate.open()
		p.gate.close()
	case 3:
		p.gate.open()
	case 4:
		p.gate.loseAnswers(random.IntN(2) == 0)
	case 5:
		err := lease.Change(m.Context(), store.New(m.referee, store.Config{}), bucket, "billing", func(_ int, data json.RawMessage) (json.RawMessage, error) {
			return data, nil
		})
		if err != nil && !errors.Is(err, lease.ErrUnknown) {
			m.Errorf("Change: %v", err)
		}
	}
}

func (m *match) enter(seed uint64) {
	p := &player{match: m, number: len(m.all) + 1, random: rand.New(rand.NewPCG(seed, 0)), held: map[int]*lease.Slot{}}
	p.gate = &gate{Driver: &signed{m.referee, p.number}}
	p.store = store.New(p.gate, store.Config{})
	g, err := lease.New(p.store, config(m.slots))
	if err != nil {
		m.Fatal(err)
	}
	ctx, cancel := context.WithCancel(m.Context())
	p.cancel, p.ended = cancel, make(chan error, 1)
	m.players, m.all = append(m.players, p), append(m.all, p)
	m.referee.enter(p)
	go func() { p.ended <- g.Run(ctx, p) }()
}

// calm lets all work in peace, and then all slots must be shared fairly.
func (m *match) calm() {
	if len(m.players) == 0 {
		m.enter(1)
	}
	for _, p := range m.players {
		p.gate.open()
		p.gate.failWith(nil)
		p.gate.loseAnswers(false)
	}
	rest(4 * ttl)
	total := 0
	for _, p := range m.players {
		n := len(p.numbers())
		total += n
		if fair := m.slots / len(m.players); n < fair || n > fair+1 {
			m.Errorf("in peace one of %d members has %d of %d slots", len(m.players), n, m.slots)
		}
	}
	if total != m.slots {
		m.Errorf("in peace the members have %d slots together, want %d", total, m.slots)
	}
}

func (m *match) end() {
	for _, p := range m.all {
		p.gate.open()
		p.cancel()
	}
	for _, p := range m.all {
		if err := <-p.ended; err != nil {
			m.Errorf("a run returned %v", err)
		}
	}
}

// player is a member that counts in the payloads of its slots.
type player struct {
	*match
	number int
	gate   *gate
	store  *store.Store
	cancel context.CancelFunc
	ended  chan error

	mu      sync.Mutex
	random  *rand.Rand
	held    map[int]*lease.Slot
	working map[int]chan struct{}
}

func (p *player) Gained(ctx context.Context, s *lease.Slot) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held[s.Number()] != nil {
		p.Errorf("slot %d is gained twice", s.Number())
	}
	p.held[s.Number()] = s
	if p.working == nil {
		p.working = map[int]chan struct{}{}
	}
	ended := make(chan struct{})
	p.working[s.Number()] = ended
	go func() { defer close(ended); p.work(ctx, s) }()
	return nil
}

func (p *player) Changed(*lease.Slot) {}

func (p *player) Release(s *lease.Slot) {
	p.mu.Lock()
	ended := p.working[s.Number()]
	p.mu.Unlock()
	<-ended
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.held, s.Number())
}

func (p *player) numbers() (numbers []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for n := range p.held {
		numbers = append(numbers, n)
	}
	return numbers
}

func (p *player) slot(n int) *lease.Slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held[n]
}

func (p *player) wait() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.random.Int64N(int64(3 * time.Second)))
}

// work counts until ctx ends, and now and then somewhat longer, as a handler would.
func (p *player) work(ctx context.Context, s *lease.Slot) {
	for ctx.Err() == nil {
		time.Sleep(p.wait())
		var n int
		if data := s.Data(); data != nil {
			if err := json.Unmarshal(data, &n); err != nil {
				p.Errorf("payload %s: %v", data, err)
			}
		}
		write, condition, err := s.Write(json.RawMessage(fmt.Sprint(n + 1)))
		if err != nil {
			continue
		}
		receipt, err := p.store.Commit(context.Background(), store.Commit{Items: []store.ItemWrite{write}, Conditions: []store.Condition{condition}})
		if err == nil {
			s.Wrote(receipt.ItemRevision)
			continue
		}
		if err := s.Reload(context.Background()); err != nil && !errors.Is(err, lease.ErrLost) && !errors.Is(err, errDown) {
			p.Errorf("Reload: %v", err)
		}
	}
}

// signed says whose commits they are.
type signed struct {
	*referee
	player int
}

func (d *signed) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	return d.append(ctx, c, d.player)
}

// referee sees every commit that happened, in order.
type referee struct {
	store.Driver

	mu      sync.Mutex
	players []*player
	slots   map[string]seen
	gates   map[string]int // the player of each member
	counted int
	faults  []string
}

// seen is a slot's item as it was last.
type seen struct {
	Owner string
	Turn  uint64
	Data  int
}

func (r *referee) enter(p *player) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.players = append(r.players, p)
}

func (r *referee) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	return r.append(ctx, c, 0)
}

func (r *referee) append(ctx context.Context, c store.Commit, by int) (store.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	receipt, err := r.Driver.Append(ctx, c)
	if err != nil {
		return receipt, err
	}
	for _, w := range c.Items {
		_, last, _ := strings.Cut(w.Key, "/")
		switch {
		case strings.HasSuffix(w.Bucket, ".member") && !w.Delete:
			r.gates[last] = by
		case strings.HasSuffix(w.Bucket, ".slot"):
			r.judge(w, by)
		}
	}
	return receipt, nil
}

func (r *referee) judge(w store.ItemWrite, by int) {
	before := r.slots[w.Key]
	var now seen
	if err := json.Unmarshal(w.Value, &now); err != nil {
		r.fault("%s became %s: %v", w.Key, w.Value, err)
	}
	r.slots[w.Key] = now
	owner := r.gates[before.Owner]
	switch {
	case now.Data != before.Data: // somebody counted
		r.counted++
		if now.Data != before.Data+1 || by != owner || now.Owner != before.Owner || now.Turn != before.Turn {
			r.fault("%s was %+v of player %d, player %d made it %+v", w.Key, before, owner, by, now)
		}
	case now.Turn != before.Turn: // a change from outside
		if now.Owner != before.Owner || by != 0 {
			r.fault("%s was %+v, a change by player %d made it %+v", w.Key, before, by, now)
		}
	default: // taken, or given
		if now.Owner != "" && r.gates[now.Owner] != by || now.Owner == "" && owner != by {
			r.fault("%s was %+v of player %d, player %d made it %+v", w.Key, before, owner, by, now)
		}
		r.noneElse(w.Key, by)
	}
}

// noneElse finds members who think that they hold a slot that somebody takes or gives away.
func (r *referee) noneElse(key string, by int) {
	var n int
	_, number, _ := strings.Cut(key, "/")
	fmt.Sscan(strings.TrimLeft(number, "0")+" ", &n)
	for _, p := range r.players {
		if s := p.slot(n); s != nil && s.Held() && p.number != by {
			r.fault("player %d took %s while player %d thinks that it holds it", by, key, p.number)
		}
	}
}

func (r *referee) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}
