package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A Tx is one transaction, in whichever database the store is. Exactly one of its fields is set.
type Tx struct {
	Lite *sql.Tx
	PG   pgx.Tx
}

// rows is what the rows of both databases can do.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
}

// querier runs statements. Placeholders are question marks.
type querier interface {
	exec(ctx context.Context, query string, args []any) (int64, error)
	query(ctx context.Context, query string, args []any, each func(rows) error) error
}

type liteQuerier struct {
	db interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
}

func (q liteQuerier) exec(ctx context.Context, query string, args []any) (int64, error) {
	res, err := q.db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (q liteQuerier) query(ctx context.Context, query string, args []any, each func(rows) error) error {
	rs, err := q.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	for rs.Next() {
		if err := each(rs); err != nil {
			return errors.Join(err, rs.Close())
		}
	}
	return errors.Join(rs.Err(), rs.Close())
}

type pgQuerier struct {
	db interface {
		Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
		Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	}
}

func (q pgQuerier) exec(ctx context.Context, query string, args []any) (int64, error) {
	tag, err := q.db.Exec(ctx, numbered(query), args...)
	return tag.RowsAffected(), err
}

func (q pgQuerier) query(ctx context.Context, query string, args []any, each func(rows) error) error {
	rs, err := q.db.Query(ctx, numbered(query), args...)
	if err != nil {
		return err
	}
	defer rs.Close()
	for rs.Next() {
		if err := each(rs); err != nil {
			return err
		}
	}
	return rs.Err()
}

// numbered turns question marks into $1, $2 and so on. No statement here has one in a string.
func numbered(query string) string {
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(query, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	return b.String()
}

// places returns n groups of placeholders, "(?,?),(?,?)".
func places(n, columns int) string {
	group := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	return strings.TrimSuffix(strings.Repeat(group+",", n), ",")
}

func (t Tx) querier() querier {
	if t.PG != nil {
		return pgQuerier{t.PG}
	}
	return liteQuerier{t.Lite}
}

// db runs statements outside a transaction.
func (s *SQL) db() querier {
	if s.pg != nil {
		return pgQuerier{s.pg}
	}
	return liteQuerier{s.lite}
}

// first scans the first row into dest; ErrNotFound if there is none.
func first(ctx context.Context, q querier, query string, args []any, dest ...any) error {
	found := false
	err := q.query(ctx, query, args, func(r rows) error {
		if found {
			return nil
		}
		found = true
		return r.Scan(dest...)
	})
	if err == nil && !found {
		err = ErrNotFound
	}
	return err
}

func (s *SQL) first(ctx context.Context, what, query string, args []any, dest ...any) error {
	if err := first(ctx, s.db(), query, args, dest...); err != nil {
		return fmt.Errorf("%s: %w", what, classify(err))
	}
	return nil
}

// Write runs f in a transaction: all of it happens, or nothing.
func (s *SQL) Write(ctx context.Context, f func(Tx) error) error {
	if s.pg == nil {
		select { // one of us at a time stands before the writer, so that notices wait for no more than that
		case s.turn <- struct{}{}:
			defer func() { <-s.turn }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.write(ctx, s.lite, f)
}

// write is Write through db, which is one of SQLite's.
func (s *SQL) write(ctx context.Context, db *sql.DB, f func(Tx) error) error {
	if s.pg != nil {
		return classify(pgx.BeginFunc(ctx, s.pg, func(tx pgx.Tx) error { return f(Tx{PG: tx}) }))
	}
	if err := s.intact(); err != nil {
		return err
	}
	select {
	case s.writer <- struct{}{}:
		defer func() { <-s.writer }()
	case <-ctx.Done():
		return ctx.Err()
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return classify(err)
	}
	if err := f(Tx{Lite: tx}); err != nil {
		_ = tx.Rollback() // the first error is the one to hear
		return classify(err)
	}
	return classify(tx.Commit())
}
