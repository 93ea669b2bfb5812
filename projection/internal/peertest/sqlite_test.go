//go:build cgo

package peertest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/mattn/go-sqlite3"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/projection"
	"github.com/oxbow-events/oxbow/store"
	"github.com/oxbow-events/oxbow/store/memory"
)

type paid struct {
	Customer string
	Cents    int64
}

func (paid) EventType() string { return "order.paid" }

var errKilled = errors.New("killed")

// killer opens connections to a file that are closed, without a commit, when a process would have been killed: at the step before which
// or after which that is.
type killer struct {
	driver.Connector
	at    int64 // the step; 0: never
	after bool
	steps atomic.Int64
}

type connector struct{ file string }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	return (&sqlite3.SQLiteDriver{}).Open("file:" + c.file + "?_busy_timeout=5000&_txlock=immediate")
}
func (connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

func (k *killer) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{SQLiteConn: c.(*sqlite3.SQLiteConn), k: k}, nil
}

// step does one step, unless the process is dead or dies before it.
func (k *killer) step(c *conn, do func() error) error {
	n := k.steps.Add(1)
	if k.at > 0 && (n > k.at || n == k.at && !k.after) {
		return errors.Join(errKilled, c.Close())
	}
	err := do()
	if k.at > 0 && n == k.at {
		return errors.Join(errKilled, c.Close())
	}
	return err
}

type conn struct {
	*sqlite3.SQLiteConn
	k *killer
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (tx driver.Tx, err error) {
	err = c.k.step(c, func() (err error) {
		tx, err = c.SQLiteConn.BeginTx(ctx, opts)
		return err
	})
	return &transaction{tx, c}, err
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (r driver.Result, err error) {
	err = c.k.step(c, func() (err error) {
		r, err = c.SQLiteConn.ExecContext(ctx, query, args)
		return err
	})
	return r, err
}

type transaction struct {
	driver.Tx
	c *conn
}

func (t *transaction) Commit() error { return t.c.k.step(t.c, t.Tx.Commit) }

// balances is a projection into a table of balances.
func balances(t *testing.T, st *store.Store, db *sql.DB) *projection.SQL {
	t.Helper()
	p, err := projection.NewSQL(st, db, "balances", projection.SQLConfig{
		Batch: 3, Retry: consumer.Retry{Attempts: 1}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	projection.OnSQL(p, func(ctx context.Context, tx *sql.Tx, e event.Event[paid]) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO balances (customer, cents) VALUES (?, ?)
			ON CONFLICT (customer) DO UPDATE SET cents = cents + excluded.cents`, e.Data.Customer, e.Data.Cents)
		return err
	})
	return p
}

func open(t *testing.T, file string, at int, after bool) (*sql.DB, *killer) {
	t.Helper()
	k := &killer{Connector: connector{file}, at: int64(at), after: after}
	return sql.OpenDB(k), k
}

// prepare makes a database with an empty table.
func prepare(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "read.db")
	db, _ := open(t, file, 0, false)
	if _, err := db.Exec("PRAGMA synchronous = OFF; CREATE TABLE balances (customer TEXT PRIMARY KEY, cents INTEGER NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

// finish runs a projection to the end, and returns what the database then has.
func finish(t *testing.T, st *store.Store, file string, last store.Position) string {
	t.Helper()
	db, _ := open(t, file, 0, false)
	defer db.Close()
	p := balances(t, st, db)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	if err := p.WaitFor(ctx, last); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return contents(t, db)
}

func contents(t *testing.T, db *sql.DB) (all string) {
	t.Helper()
	rows, err := db.Query("SELECT customer, cents FROM balances ORDER BY customer")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var customer string
		var cents int64
		if err := rows.Scan(&customer, &cents); err != nil {
			t.Fatal(err)
		}
		all += fmt.Sprintln(customer, cents)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestKilledAtEveryStepSQLiteIsThatOfACalmRun(t *testing.T) {
	st := store.New(memory.New(), store.Config{})
	defer st.Close()
	var last store.Position
	for i := range 8 {
		receipt, err := st.Append(t.Context(), paid{[]string{"ann", "bob", "zoe"}[i%3], int64(1) << i})
		if err != nil {
			t.Fatal(err)
		}
		last = receipt.Last
	}
	want := finish(t, st, prepare(t), last)
	if want != "ann 73\nbob 146\nzoe 36\n" {
		t.Fatalf("a calm run made\n%s", want)
	}
	for _, after := range []bool{false, true} {
		at := 1
		for ; killed(t, st, want, last, at, after); at++ {
		}
		if at < 18 {
			t.Errorf("a run took only %d steps", at)
		}
	}
}

// killed kills a run at a step and lets another one finish. It reports false when the run ended before.
func killed(t *testing.T, st *store.Store, want string, last store.Position, at int, after bool) bool {
	t.Helper()
	file := prepare(t)
	db, k := open(t, file, at, after)
	p := balances(t, st, db)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		if p.WaitFor(ctx, last) == nil && k.steps.Load() < int64(at) {
			cancel()
		}
	}()
	err := p.Run(ctx)
	if closing := db.Close(); closing != nil && !errors.Is(closing, errKilled) {
		t.Error(closing)
	}
	if err == nil {
		return false
	}
	if !errors.Is(err, errKilled) {
		t.Fatalf("killed at step %d, Run returned %v", at, err)
	}
	if got := finish(t, st, file, last); got != want {
		t.Errorf("killed at step %d (after: %v), the database has\n%swant\n%s", at, after, got, want)
	}
	return true
}
