//go:build peers && cgo

package peers

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"path/filepath"
	"sync"

	"github.com/mattn/go-sqlite3"

	"github.com/oxbow-events/oxbow/event"
)

var sqlitePeer = Peer{
	Name: "SQLite", Open: openSQLite,
	Does: "a row an event and 4 indexes (stream, type, tag, correlation), WAL; commits that wait share a transaction",
}

// sqliteLog drives SQLite's own connection, without the pool of database/sql, with prepared statements. It keeps the index of its
// write-ahead log in its own memory (locking_mode EXCLUSIVE) and has a cache of 64 MiB. A text that is a column is not in the
// record's bytes again.
type sqliteLog struct {
	mu         sync.Mutex // guards the connection
	conn       *sqlite3.SQLiteConn
	statements map[string]*sqlite3.SQLiteStmt

	group *group
	heads heads // used by transact alone
	last  int64 // position; used by transact alone
}

const sqliteSchema = `
create table if not exists events (
	position integer primary key, stream text not null, revision integer not null,
	type text not null, correlation blob not null, record blob not null);
create unique index if not exists by_stream on events (stream, revision);
create index if not exists by_type on events (type);
create index if not exists by_correlation on events (correlation);
create table if not exists tags (tag text, position integer, primary key (tag, position)) without rowid;`

// What is done again and again.
const (
	sqlInsert = "insert into events values (?, ?, ?, ?, ?, ?)"
	sqlTag    = "insert into tags values (?, ?)"
	sqlHead   = "select coalesce(max(revision), 0) from events where stream = ?"
	sqlLast   = "select coalesce(max(position), 0) from events"
	sqlReplay = "select position, stream, revision, type, correlation, record from events order by position"
	sqlStream = "select position, stream, revision, type, correlation, record from events where stream = ? order by revision"
)

func openSQLite(dir string, sync bool) (_ Log, err error) {
	how := "?_journal_mode=WAL&_locking_mode=EXCLUSIVE&_cache_size=-65536&_synchronous="
	if sync {
		how += "FULL"
	} else {
		how += "OFF"
	}
	conn, err := (&sqlite3.SQLiteDriver{}).Open("file:" + filepath.ToSlash(filepath.Join(dir, "sqlite")) + how)
	if err != nil {
		return nil, err
	}
	l := &sqliteLog{conn: conn.(*sqlite3.SQLiteConn), statements: make(map[string]*sqlite3.SQLiteStmt)}
	if _, err := l.conn.ExecContext(context.Background(), sqliteSchema, nil); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	l.heads = newHeads(func(stream string) (uint64, error) {
		n, err := l.number(sqlHead, stream)
		return uint64(n), err
	})
	if l.last, err = l.number(sqlLast); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	l.group = newGroup(l.transact)
	return l, nil
}

func (l *sqliteLog) Append(ctx context.Context, stream string, head uint64, events []event.Record) (uint64, error) {
	return l.group.append(ctx, stream, head, events)
}

func (l *sqliteLog) transact(batch []*pending) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.exec("begin immediate"); err != nil {
		return err
	}
	if err := l.insert(batch); err != nil {
		return errors.Join(err, l.exec("rollback"))
	}
	return l.exec("commit")
}

func (l *sqliteLog) insert(batch []*pending) error {
	var scratch []byte
	for _, p := range batch {
		if p.err = l.heads.check(p.stream, p.head); p.err != nil {
			continue
		}
		for i := range p.events {
			l.last++
			var err error
			if scratch, err = l.insertEvent(&p.events[i], p.head+1+uint64(i), scratch); err != nil {
				return err
			}
		}
		l.heads.known[p.stream] = p.head + uint64(len(p.events))
	}
	return nil
}

func (l *sqliteLog) insertEvent(r *event.Record, revision uint64, scratch []byte) ([]byte, error) {
	rest := *r
	rest.Stream, rest.Type = "", ""
	scratch = appendRecord(scratch[:0], &rest)
	correlation, _ := r.CorrelationID.Bytes()
	if err := l.exec(sqlInsert, l.last, r.Stream, int64(revision), r.Type, correlation[:], scratch); err != nil {
		return scratch, err
	}
	for _, tag := range r.Tags {
		if err := l.exec(sqlTag, tag, l.last); err != nil {
			return scratch, err
		}
	}
	return scratch, nil
}

func (l *sqliteLog) Replay(_ context.Context, fn func(*event.Record)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records(fn, sqlReplay)
}

func (l *sqliteLog) Stream(_ context.Context, stream string, fn func(*event.Record)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records(fn, sqlStream, stream)
}

func (l *sqliteLog) records(fn func(*event.Record), query string, args ...any) error {
	var d recordReader
	return l.query(query, args, func(row []driver.Value) error {
		r, err := d.read(row[5].([]byte), uint64(row[0].(int64)))
		if err != nil {
			return err
		}
		r.Stream, r.Revision, r.Type = row[1].(string), uint64(row[2].(int64)), row[3].(string)
		fn(r)
		return nil
	})
}

// statement returns the prepared statement, and its arguments as it wants them.
func (l *sqliteLog) statement(query string, args []any) (*sqlite3.SQLiteStmt, []driver.NamedValue, error) {
	s := l.statements[query]
	if s == nil {
		prepared, err := l.conn.Prepare(query)
		if err != nil {
			return nil, nil, err
		}
		s = prepared.(*sqlite3.SQLiteStmt)
		l.statements[query] = s
	}
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	return s, named, nil
}

func (l *sqliteLog) exec(query string, args ...any) error {
	s, named, err := l.statement(query, args)
	if err == nil {
		_, err = s.ExecContext(context.Background(), named)
	}
	return err
}

func (l *sqliteLog) query(query string, args []any, fn func(row []driver.Value) error) (err error) {
	s, named, err := l.statement(query, args)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), named)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := fn(row); err != nil {
			return err
		}
	}
}

func (l *sqliteLog) number(query string, args ...any) (n int64, err error) {
	err = l.query(query, args, func(row []driver.Value) error {
		n = row[0].(int64)
		return nil
	})
	return n, err
}

func (l *sqliteLog) Close() (err error) {
	l.group.close()
	for _, s := range l.statements {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, l.conn.Close())
}
