//go:build unix

package killtest_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/parked"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/filelog"
)

var (
	killStep  = flag.Int("kill.step", 0, "kill at this step only; 0 for each")
	killEvery = flag.Int("kill.every", 1, "kill at every so many-th step")
)

// Variables of the process that is killed.
const (
	folderVariable = "OXBOW_KILL_FOLDER"
	stepVariable   = "OXBOW_KILL_STEP" // the number of the step before which it ends; 0 for none
)

// payment is handled by appending a receipt and counting in an item. One in whose amount is 0 cannot be handled.
type payment struct {
	Customer string
	Amount   int
}

func (payment) EventType() string     { return "payment.made" }
func (p payment) AggregateID() string { return p.Customer }

// receipt has an id of its own at each attempt, so that nothing but the commit keeps a second one out.
type receipt struct {
	Of    store.Position
	Total int // of the customer, as kept in the item
}

func (receipt) EventType() string { return "receipt.written" }

const totals = "totals"

// payments are what the log has at first; those of cas wait behind one that cannot be handled.
var payments = []any{payment{"ann", 1}, payment{"bob", 10}, payment{"ann", 2}, payment{"cas", 0}, payment{"cas", 5}, payment{"ann", 3}}

func TestMain(m *testing.M) {
	folder := os.Getenv(folderVariable)
	if folder == "" {
		os.Exit(m.Run())
	}
	if err := mortal(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// death kills the process at one step.
type death struct{ steps, at atomic.Int64 }

// step is called wherever the process may be killed.
func (d *death) step() {
	if d.steps.Add(1) == d.at.Load() {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// mortal is the process: it handles all payments, and ends.
func mortal(folder string) error {
	var d death
	at, err := strconv.ParseInt(os.Getenv(stepVariable), 10, 64)
	if err != nil {
		return err
	}
	d.at.Store(at)
	l, err := filelog.Open(folder, filelog.Config{NoSync: true})
	if err != nil {
		return err
	}
	err = handleAll(&steps{l, &d}, &d)
	d.step()
	err = errors.Join(err, l.Close())
	d.step()
	return err
}

// handleAll runs the consumer until it is done with all payments.
func handleAll(driver store.Driver, d *death) error {
	st := store.New(driver, store.Config{})
	cfg := consumer.Config{Slots: 3, Workers: 2, Logger: slog.New(slog.DiscardHandler)}
	c, err := consumer.New(st, "cashier", cfg, consumer.On(func(ctx context.Context, e event.Event[payment]) error {
		d.step()
		err := pay(ctx, e)
		d.step()
		return err
	}))
	if err != nil {
		return err
	}
	head, err := st.Head(context.Background())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	err = c.WaitFor(ctx, head)
	cancel()
	return errors.Join(err, <-ended)
}

func pay(ctx context.Context, e event.Event[payment]) error {
	if e.Data.Amount == 0 {
		return consumer.Permanent(errors.New("there is nothing to pay"))
	}
	tx := consumer.Transaction(ctx)
	item, err := tx.Get(ctx, totals, e.Data.Customer)
	if err != nil {
		return err
	}
	total, _ := strconv.Atoi(string(item.Value))
	total += e.Data.Amount
	if err := tx.Put(totals, e.Data.Customer, []byte(strconv.Itoa(total))); err != nil {
		return err
	}
	return tx.Append(receipt{Of: e.Position, Total: total}, event.WithID(event.NewID()), event.WithStream("receipts-"+e.Data.Customer))
}

// steps has a step before and after each call of the store that a consumer makes.
type steps struct {
	*filelog.Log
	death *death
}

func (s *steps) Append(ctx context.Context, c store.Commit) (store.Receipt, error) {
	s.death.step()
	defer s.death.step()
	return s.Log.Append(ctx, c)
}

func (s *steps) Read(ctx context.Context, q store.Query) iter.Seq2[event.Record, error] {
	return func(yield func(event.Record, error) bool) {
		s.death.step()
		defer s.death.step()
		s.Log.Read(ctx, q)(yield)
	}
}

func (s *steps) Wait(ctx context.Context, after store.Position) (store.Position, error) {
	s.death.step()
	defer s.death.step()
	return s.Log.Wait(ctx, after)
}

func (s *steps) Get(ctx context.Context, bucket, key string) (store.Item, error) {
	s.death.step()
	defer s.death.step()
	return s.Log.Get(ctx, bucket, key)
}

func (s *steps) List(ctx context.Context, bucket, from, to string) iter.Seq2[store.Item, error] {
	return func(yield func(store.Item, error) bool) {
		s.death.step()
		defer s.death.step()
		s.Log.List(ctx, bucket, from, to)(yield)
	}
}

// TestKilledAtEveryStepTheEffectIsThereOnce kills the process at its first step, its second, and so on until it ends by itself; each time
// in a new folder, where another run then does the rest.
func TestKilledAtEveryStepTheEffectIsThereOnce(t *testing.T) {
	if *killStep > 0 {
		killAt(t, *killStep)
		return
	}
	began := time.Now()
	step := 1
	for killAt(t, step) && !t.Failed() {
		step += *killEvery
	}
	t.Logf("%d steps in %v", step-1, time.Since(began).Round(time.Second))
	if step < 20 {
		t.Errorf("the process has only %d steps", step)
	}
}

// killAt reports whether the process came as far as the step.
func killAt(t *testing.T, step int) (killed bool) {
	t.Helper()
	folder := t.TempDir()
	prepare(t, folder)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), folderVariable+"="+folder, stepVariable+"="+strconv.Itoa(step))
	out, err := cmd.CombinedOutput()
	exit := (*exec.ExitError)(nil)
	if killed = errors.As(err, &exit) && !exit.Exited(); err != nil && !killed {
		t.Fatalf("step %d: %v\n%s", step, err, out)
	}

	l, err := filelog.Open(folder, filelog.Config{NoSync: true})
	if err != nil {
		t.Fatalf("after a kill at step %d: %v", step, err)
	}
	defer l.Close()
	began := time.Now()
	if err := handleAll(l, &death{}); err != nil {
		t.Fatalf("after a kill at step %d: %v", step, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("after a kill at step %d the next run took %v: it did not take over at once", step, took)
	}
	check(t, step, store.New(l, store.Config{}))
	return killed
}

func prepare(t *testing.T, folder string) {
	t.Helper()
	l, err := filelog.Open(folder, filelog.Config{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.New(l, store.Config{}).Append(t.Context(), payments...); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, step int, st *store.Store) {
	t.Helper()
	for customer, want := range map[string][]receipt{
		"ann": {{1, 1}, {3, 3}, {6, 6}},
		"bob": {{2, 10}},
		"cas": nil,
	} {
		var got []receipt
		for r, err := range st.Read(t.Context(), store.Stream("receipts-"+customer)) {
			if err != nil {
				t.Fatal(err)
			}
			var one receipt
			if err := json.Unmarshal(r.Data, &one); err != nil {
				t.Fatal(err)
			}
			got = append(got, one)
		}
		if !slices.Equal(got, want) {
			t.Errorf("after a kill at step %d the receipts of %s are %v, want %v", step, customer, got, want)
		}
	}
	count, err := parked.LoadCount(t.Context(), st, "cashier")
	if err != nil || count.Letters != 2 {
		t.Errorf("after a kill at step %d there are %d dead letters, %v, want 2", step, count.Letters, err)
	}
}
