package store

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// advisory holds PostgreSQL's advisory locks, all on one connection of its own: when the process dies, the server
// drops them.
type advisory struct {
	cfg  *pgx.ConnConfig
	mu   sync.Mutex     // one statement at a time
	conn *pgx.Conn      // nil if there is none
	held map[int64]bool // false: it was lost with a connection, and somebody else has it
}

const tryLock = "SELECT pg_try_advisory_lock($1)"

func advisoryLocks(cfg *pgx.ConnConfig) *locks {
	params := map[string]string{ // a machine that vanished must not keep its locks for hours
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
		"application_name": "daemon-hotfix locks"}
	for k, v := range params {
		cfg.RuntimeParams[k] = v
	}
	return newLocks(&advisory{cfg: cfg, held: map[int64]bool{}})
}

// session returns the connection. A new one takes again what was held.
func (a *advisory) session(ctx context.Context) (*pgx.Conn, error) {
	if a.conn != nil && !a.conn.IsClosed() {
		return a.conn, nil
	}
	conn, err := pgx.ConnectConfig(ctx, a.cfg)
	if err != nil {
		return nil, err
	}
	a.conn = conn
	for n := range a.held {
		a.held[n] = false
	}
	return conn, a.regain(ctx)
}

// regain takes again what was lost, if it is free.
func (a *advisory) regain(ctx context.Context) error {
	for n, has := range a.held {
		if has {
			continue
		}
		ok, err := a.ask(ctx, tryLock, n)
		if err != nil {
			return err
		}
		a.held[n] = ok
	}
	return nil
}

func (a *advisory) ask(ctx context.Context, query string, n int64) (ok bool, err error) {
	if err = a.conn.QueryRow(ctx, query, n).Scan(&ok); err != nil {
		// Whether it was taken is unknown. With its connection, everything of it is gone.
		_ = a.conn.Close(context.WithoutCancel(ctx))
	}
	return ok, err
}

func (a *advisory) try(ctx context.Context, n int64) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ctx.Err() != nil { // a cancelled statement would cost the connection, and every lock on it
		return false, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	old := a.conn
	conn, err := a.session(ctx)
	if err != nil {
		return false, err
	}
	ok, err := a.ask(ctx, tryLock, n)
	if err != nil && conn == old { // it broke while nobody used it
		if _, err = a.session(ctx); err == nil {
			ok, err = a.ask(ctx, tryLock, n)
		}
	}
	if ok {
		a.held[n] = true
	}
	return ok, err
}

func (a *advisory) release(n int64) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	has := a.held[n]
	delete(a.held, n)
	if !has || a.conn == nil || a.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := a.ask(ctx, "SELECT pg_advisory_unlock($1)", n)
	return err
}

func (a *advisory) keep(ctx context.Context, held []int64) (lost []int64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if a.conn != nil && !a.conn.IsClosed() {
		if err := a.conn.Ping(ctx); err != nil {
			_ = a.conn.Close(ctx)
		}
	}
	if _, err := a.session(ctx); err != nil {
		return nil, err
	}
	if err := a.regain(ctx); err != nil {
		return nil, err
	}
	for _, n := range held {
		if !a.held[n] {
			lost = append(lost, n)
		}
	}
	return lost, nil
}

func (a *advisory) close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil {
		return nil
	}
	return a.conn.Close(context.Background())
}
