package projection_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"
)

var errCrash = errors.New("crash")

// fakeDB is a database/sql driver that knows the statements of a projection, and one of the tests: add to a counter. Transactions read
// what is committed, and their writes are checked when they are made and again at the commit.
type fakeDB struct {
	mu       sync.Mutex
	rows     map[string][3]int64 // position, effects and fence, by name and version
	counters map[string]int64

	steps   int  // taken so far
	crashAt int  // the step that fails, and all after it until revive; 0: none
	late    bool // a commit that crashes has happened all the same
	lose    bool // the next commit crashes in that way
}

func newFakeDB() *fakeDB {
	return &fakeDB{rows: map[string][3]int64{}, counters: map[string]int64{}}
}

func (f *fakeDB) open() *sql.DB { return sql.OpenDB(f) }

// Connect, Driver, and what follows make the fakeDB a driver.
func (f *fakeDB) Connect(context.Context) (driver.Conn, error) { return &fakeConn{db: f}, nil }
func (f *fakeDB) Driver() driver.Driver                        { return nil }

// step counts, and crashes when it is time. The caller holds the lock.
func (f *fakeDB) step() error {
	if f.steps++; f.crashAt > 0 && f.steps >= f.crashAt {
		return errCrash
	}
	return nil
}

func (f *fakeDB) snapshot() (counters map[string]int64, steps int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.counters), f.steps
}

func (f *fakeDB) revive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashAt = 0
}

type fakeConn struct {
	db *fakeDB
	tx []func() error // what is to be done at the commit; nil outside of a transaction
}

func (c *fakeConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not needed") }
func (c *fakeConn) Close() error                        { return nil }
func (c *fakeConn) Begin() (driver.Tx, error) {
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	c.tx = []func() error{}
	return c, c.db.step()
}

func (c *fakeConn) Rollback() error {
	c.tx = nil
	return nil
}

func (c *fakeConn) Commit() error {
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	crash := c.db.step()
	if c.db.lose {
		crash, c.db.lose, c.db.late = errCrash, false, true
	}
	if crash != nil && !c.db.late {
		return crash
	}
	rows, counters := maps.Clone(c.db.rows), maps.Clone(c.db.counters)
	for _, write := range c.tx {
		if err := write(); err != nil {
			c.db.rows, c.db.counters = rows, counters
			return err
		}
	}
	c.tx = nil
	return crash
}

func (c *fakeConn) ExecContext(_ context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	if err := c.db.step(); err != nil {
		return nil, err
	}
	write := c.write(query, args)
	switch {
	case strings.HasPrefix(query, "CREATE"):
		return driver.RowsAffected(0), nil
	case write == nil:
		return nil, fmt.Errorf("unknown statement %q", query)
	}
	rows, counters := maps.Clone(c.db.rows), maps.Clone(c.db.counters)
	err := write() // to see what it would do
	c.db.rows, c.db.counters = rows, counters
	if err != nil {
		return driver.RowsAffected(0), nil
	}
	c.tx = append(c.tx, write)
	return driver.RowsAffected(1), nil
}

func (c *fakeConn) write(query string, args []driver.NamedValue) func() error {
	integer := func(i int) int64 { n, _ := args[i].Value.(int64); return n }
	key := func(i int) string { return fmt.Sprint(args[i].Value, "@", args[i+1].Value) }
	switch {
	case strings.HasPrefix(query, "INSERT"):
		return func() error {
			if _, ok := c.db.rows[key(0)]; ok {
				return errors.New("row exists")
			}
			c.db.rows[key(0)] = [3]int64{integer(2), integer(3), integer(4)}
			return nil
		}
	case strings.HasPrefix(query, "UPDATE"):
		return func() error {
			if row, ok := c.db.rows[key(3)]; !ok || row[0] != integer(5) || row[2] != integer(6) {
				return errors.New("row is another one")
			}
			c.db.rows[key(3)] = [3]int64{integer(0), integer(1), integer(2)}
			return nil
		}
	case query == "add":
		return func() error { c.db.counters[fmt.Sprint(args[0].Value)] += integer(1); return nil }
	case query == "empty":
		return func() error { clear(c.db.counters); return nil }
	}
	return nil
}

func (c *fakeConn) QueryContext(_ context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.db.mu.Lock()
	defer c.db.mu.Unlock()
	if err := c.db.step(); err != nil {
		return nil, err
	}
	if strings.HasPrefix(query, "SELECT MAX") {
		var most driver.Value
		for key, row := range c.db.rows {
			if strings.HasPrefix(key, fmt.Sprint(args[0].Value, "@")) {
				if n, _ := most.(int64); most == nil || row[1] > n {
					most = row[1]
				}
			}
		}
		return &fakeRows{values: [][]driver.Value{{most}}}, nil
	}
	row, ok := c.db.rows[fmt.Sprint(args[0].Value, "@", args[1].Value)]
	if !ok {
		return &fakeRows{columns: 3}, nil
	}
	return &fakeRows{values: [][]driver.Value{{row[0], row[1], row[2]}}}, nil
}

type fakeRows struct {
	values  [][]driver.Value
	columns int
}

func (r *fakeRows) Columns() []string {
	if len(r.values) > 0 {
		r.columns = len(r.values[0])
	}
	return make([]string, r.columns)
}
func (r *fakeRows) Close() error { return nil }
func (r *fakeRows) Next(into []driver.Value) error {
	if len(r.values) == 0 {
		return io.EOF
	}
	copy(into, r.values[0])
	r.values = r.values[1:]
	return nil
}
