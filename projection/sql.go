package projection

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"github.com/oxbow-events/oxbow/consumer"
	"github.com/oxbow-events/oxbow/event"
	"github.com/oxbow-events/oxbow/internal/lease"
	"github.com/oxbow-events/oxbow/store"
)

// SQL applies events to a database of the user's own. Handlers get a transaction; the position up to which events were applied is
// written in the same one, so that each event changes the database exactly once. Make one with NewSQL, give it handlers with OnSQL, OnAny
// and Methods, then Run it.
type SQL struct {
	name     string
	store    *store.Store
	db       *sql.DB
	cfg      SQLConfig
	handlers handlers[*sql.Tx]
	reached  *watermark
	meter    *meter
	running  chan struct{} // holds one token while Run runs
}

// SQLConfig is how a projection into a database works; the zero SQLConfig does, for SQLite and MySQL.
type SQLConfig struct {
	Version     int                // of the code, from 1: a higher one begins at the first event, and is to write into tables of its own; default 1
	Table       string             // where positions are kept, a row for each name and version; made by Run; default oxbow_projections
	Placeholder func(n int) string // how the database writes the n-th parameter, from 1; default Question
	Batch       int                // events in one transaction at most; default 500, and 10,000 while far behind
	Retry       consumer.Retry     // what happens after a failure, of the database too, before the projection halts
	Logger      *slog.Logger       // gets a warning for each failed attempt; default slog.Default()
	Hook        consumer.Hook      // is told of each attempt, by the name "projection " and the projection's; default nobody
	Lease       time.Duration      // when the work of a process that died goes to another, where several share the store; default 10s
}

// Question writes every parameter as ?, as SQLite and MySQL want it.
func Question(int) string { return "?" }

// Dollar writes parameters as $1, $2…, as PostgreSQL wants it.
func Dollar(n int) string { return "$" + strconv.Itoa(n) }

var tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)

// NewSQL returns a projection into db that begins to work in Run. Its name is its identity, in the store's lease and in the database.
func NewSQL(st *store.Store, db *sql.DB, name string, cfg SQLConfig) (*SQL, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	general := Config{Version: cfg.Version, Batch: cfg.Batch, Retry: cfg.Retry, Logger: cfg.Logger, Lease: cfg.Lease}
	err := general.check()
	switch {
	case err != nil:
	case db == nil:
		err = event.Invalid("db", "is nil")
	case cfg.Table != "" && !tableName.MatchString(cfg.Table):
		err = event.Invalid("Table", "%q is no plain name of a table", cfg.Table)
	}
	if err != nil {
		return nil, fmt.Errorf("projection %s: %w", name, err)
	}
	general = general.withDefaults()
	cfg.Version, cfg.Retry, cfg.Logger = general.Version, general.Retry, general.Logger
	if cfg.Table == "" {
		cfg.Table = "oxbow_projections"
	}
	if cfg.Placeholder == nil {
		cfg.Placeholder = Question
	}
	return &SQL{
		name: name, store: st, db: db, cfg: cfg, handlers: handlers[*sql.Tx]{reg: st.Registry()},
		reached: newWatermark(), meter: &meter{}, running: make(chan struct{}, 1),
	}, nil
}

// OnSQL adds a handler for the event type of T, as On does. It changes the database through tx, and neither commits it nor rolls it
// back. When it returns an error, the transaction is rolled back.
func OnSQL[T any](p *SQL, fn func(ctx context.Context, tx *sql.Tx, e event.Event[T]) error) {
	on(&p.handlers, fn)
}

// OnAny adds a handler for every event as it is stored, nothing lifted or decoded.
func (p *SQL) OnAny(fn func(ctx context.Context, tx *sql.Tx, r event.Record) error) {
	p.handlers.addAny(fn)
}

// Methods adds a handler for every exported method of x that takes a *sql.Tx and has a handler's shape; see Methods of documents.
func (p *SQL) Methods(x any) {
	if err := addMethods(&p.handlers, x); err != nil {
		p.handlers.mistake(fmt.Errorf("methods: %w", err))
	}
}

// Name returns the projection's name.
func (p *SQL) Name() string { return p.name }

func (p *SQL) label() string { return "projection " + p.name }

// row is what the database knows of a projection.
type row struct {
	position, effects store.Position
	fence             int64 // grows whenever somebody takes the projection over
}

// q returns a statement with the table's name and the database's placeholders: # is the table, ? a parameter.
func (p *SQL) q(statement string) string {
	var out []byte
	n := 0
	for i := range len(statement) {
		switch c := statement[i]; c {
		case '#':
			out = append(out, p.cfg.Table...)
		case '?':
			n++
			out = append(out, p.cfg.Placeholder(n)...)
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

const (
	createTable = `CREATE TABLE IF NOT EXISTS # (name VARCHAR(255) NOT NULL, version BIGINT NOT NULL, position BIGINT NOT NULL, effects BIGINT NOT NULL, fence BIGINT NOT NULL, PRIMARY KEY (name, version))`
	selectRow   = `SELECT position, effects, fence FROM # WHERE name = ? AND version = ?`
	selectAll   = `SELECT MAX(effects) FROM # WHERE name = ?`
	insertRow   = `INSERT INTO # (name, version, position, effects, fence) VALUES (?, ?, ?, ?, ?)`
	updateRow   = `UPDATE # SET position = ?, effects = ?, fence = ? WHERE name = ? AND version = ? AND position = ? AND fence = ?`
)

// read returns the row; ok is false when there is none.
func (p *SQL) read(ctx context.Context, tx *sql.Tx) (r row, ok bool, err error) {
	err = tx.QueryRowContext(ctx, p.q(selectRow), p.name, p.cfg.Version).Scan(&r.position, &r.effects, &r.fence)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, false, nil
	}
	return r, err == nil, err
}

// write replaces the row, if it is still what it was.
func (p *SQL) write(ctx context.Context, tx *sql.Tx, was, is row) error {
	result, err := tx.ExecContext(ctx, p.q(updateRow),
		int64(is.position), int64(is.effects), is.fence, p.name, p.cfg.Version, int64(was.position), was.fence)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n != 1 {
		err = errFenced
	}
	return err
}

// errFenced means that the row is not what this process last wrote: somebody took the projection over, or a commit whose outcome was not
// known has happened.
var errFenced = errors.New("the position in the database was changed by somebody else")

// inTx calls fn in a transaction, and commits it.
func (p *SQL) inTx(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, ignoreDone(tx.Rollback()))
	}
	return tx.Commit()
}

// ignoreDone drops the error of rolling back what is over already, as it is when its context ended.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// claim makes this process the one whose writes succeed.
func (p *SQL) claim(ctx context.Context) (r row, err error) {
	if _, err := p.db.ExecContext(ctx, p.q(createTable)); err != nil {
		return row{}, err
	}
	err = p.inTx(ctx, func(tx *sql.Tx) error {
		var ok bool
		if r, ok, err = p.read(ctx, tx); err != nil {
			return err
		}
		if !ok {
			return p.insert(ctx, tx, &r)
		}
		was := r
		r.fence++
		return p.write(ctx, tx, was, r)
	})
	return r, err
}

func (p *SQL) insert(ctx context.Context, tx *sql.Tx, r *row) error {
	var effects sql.NullInt64 // of other versions, whose handlers saw these events
	if err := tx.QueryRowContext(ctx, p.q(selectAll), p.name).Scan(&effects); err != nil {
		return err
	}
	*r = row{effects: store.Position(effects.Int64), fence: 1}
	_, err := tx.ExecContext(ctx, p.q(insertRow), p.name, p.cfg.Version, 0, int64(r.effects), r.fence)
	return err
}

// Reset makes the projection begin at the first event again, in the transaction in which empty removes what it had made: DELETE FROM its
// tables, say. Handlers are told by Replaying. A Run that is under way, in whatever process, goes on from there.
func (p *SQL) Reset(ctx context.Context, empty func(ctx context.Context, tx *sql.Tx) error) error {
	if _, err := p.db.ExecContext(ctx, p.q(createTable)); err != nil {
		return fmt.Errorf("reset projection %s: %w", p.name, err)
	}
	err := p.inTx(ctx, func(tx *sql.Tx) error {
		was, ok, err := p.read(ctx, tx)
		if err != nil {
			return err
		}
		if ok {
			if err := p.write(ctx, tx, was, row{effects: was.effects, fence: was.fence + 1}); err != nil {
				return err
			}
		}
		return empty(ctx, tx)
	})
	if err == nil {
		err = p.announce(ctx)
	}
	if err != nil {
		return fmt.Errorf("reset projection %s: %w", p.name, err)
	}
	return nil
}

// announce tells a run, in whatever process, that its position was changed.
func (p *SQL) announce(ctx context.Context) error {
	err := lease.Change(ctx, p.store, sqlBucket, p.leaseName(), func(_ int, data json.RawMessage) (json.RawMessage, error) {
		return data, nil
	})
	if errors.Is(err, lease.ErrUnknown) { // there never was a run
		return nil
	}
	return err
}

// Position returns up to which position the database stands for.
func (p *SQL) Position(ctx context.Context) (position store.Position, err error) {
	err = p.db.QueryRowContext(ctx, p.q(selectRow), p.name, p.cfg.Version).Scan(&position, new(int64), new(int64))
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("position of projection %s: %w", p.name, err)
	}
	return position, nil
}

// WaitFor returns when the database stands for everything up to the position, whichever process applies the events. It waits where nobody
// runs the projection yet, and while the database fails; when ctx ends it says so.
func (p *SQL) WaitFor(ctx context.Context, position store.Position) error {
	for {
		works, reached, moved := p.reached.look()
		var failure error
		if !works {
			reached, failure = p.Position(ctx)
		}
		if failure == nil && reached >= position {
			return nil
		}
		select {
		case <-moved:
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), failure)
		}
	}
}

// Stats returns how the projection does. What it says of generations, indexes and rebuilds is zero.
func (p *SQL) Stats(ctx context.Context) (Stats, error) {
	out := Stats{Name: p.name, Version: p.cfg.Version, Code: p.cfg.Version, Active: p.cfg.Version}
	var err error
	if out.Head, err = p.store.Head(ctx); err != nil {
		return Stats{}, err
	}
	if out.Works, out.Position, _ = p.reached.look(); !out.Works {
		if out.Position, err = p.Position(ctx); err != nil {
			return Stats{}, err
		}
	}
	p.meter.fill(&out)
	return out, out.fillBehind(ctx, p.store, p.handlers.filters())
}
