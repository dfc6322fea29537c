package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	_ "modernc.org/sqlite"
)

// keepStatements is how many statements a connection keeps prepared. To read one takes SQLite about as long as to
// carry it out, and we have only few, but for those whose number of rows differs.
const keepStatements = 128

// liteDriver is the driver of this store: SQLite's, with connections that keep their statements prepared.
const liteDriver = "hotfix-sqlite"

func init() { sql.Register(liteDriver, thrifty{}) }

// A thrifty driver opens connections that prepare what they are asked once.
type thrifty struct{}

func (thrifty) Open(name string) (driver.Conn, error) {
	db, err := sql.Open("sqlite", "")
	if err != nil {
		return nil, err
	}
	defer db.Close() // it was opened for its driver, which has the connection hooks
	c, err := db.Driver().Open(name)
	if err != nil {
		return nil, err
	}
	return &liteConn{liteBase: c.(liteBase), kept: map[string]*liteStmt{}}, nil
}

// liteBase is what SQLite's connections can do and database/sql makes use of.
type liteBase interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// A liteConn is one connection. database/sql uses it from one goroutine at a time.
type liteConn struct {
	liteBase
	kept map[string]*liteStmt
}

// A liteStmt is a prepared statement, and whether somebody still reads what it returned.
type liteStmt struct {
	driver.Stmt
	busy bool
}

// prepared returns the statement of a query, marked as busy.
func (c *liteConn) prepared(ctx context.Context, query string) (*liteStmt, error) {
	if s := c.kept[query]; s != nil && !s.busy {
		s.busy = true
		return s, nil
	}
	plain, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &liteStmt{plain, true}
	if c.kept[query] != nil {
		return s, nil
	}
	c.kept[query] = s
	return s, c.forget()
}

// forget closes some statement if too many are kept.
func (c *liteConn) forget() error {
	if len(c.kept) <= keepStatements {
		return nil
	}
	for query, s := range c.kept {
		if !s.busy {
			delete(c.kept, query)
			return s.Close()
		}
	}
	return nil
}

// done ends a use of a statement. One that is not kept is closed.
func (c *liteConn) done(query string, s *liteStmt) error {
	s.busy = false
	if c.kept[query] == s {
		return nil
	}
	return s.Close()
}

// ExecContext carries a statement out.
func (c *liteConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	return result, errors.Join(err, c.done(query, s))
}

// QueryContext carries a statement out and returns its rows.
func (c *liteConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, errors.Join(err, c.done(query, s))
	}
	return &liteRows{rows, func() error { return c.done(query, s) }}, nil
}

// Close ends the connection.
func (c *liteConn) Close() error {
	var errs []error
	for _, s := range c.kept {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.liteBase.Close())...)
}

// liteRows are rows that say when they have been read.
type liteRows struct {
	driver.Rows
	done func() error
}

// Close ends the reading.
func (r *liteRows) Close() error { return errors.Join(r.Rows.Close(), r.done()) }
