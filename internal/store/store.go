// Package store keeps what must survive: notices, cases, runs, and the work they still want done. SQL keeps them in
// a SQLite file or in PostgreSQL, with one schema and one suite of tests; Memory keeps them for a test.
package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// The errors that callers ask for.
var (
	ErrNotFound = errors.New("not found")
	// ErrFull means that nothing more can be stored now: the disk is full, or the database cannot be reached.
	// Nothing was acknowledged; the sender should try again later.
	ErrFull = errors.New("the store is full or out of reach")
	// ErrConflict means that somebody else saved the case since it was read under this lock, or that it was
	// never read under a lock. Lock, read and decide again.
	ErrConflict = errors.New("the case was changed by somebody else")
)

// A Config says where to keep things.
type Config struct {
	DSN string // "sqlite:PATH" or "postgres://user@host/database"
	// Key seals the tokens of deliveries. At least 16 bytes, the same on every machine. Without one, a token is
	// lost when the process ends.
	Key []byte
	// MaxBytes bounds the SQLite file; 0 is no bound. What would not fit is refused with ErrFull.
	MaxBytes int64
	Title    func(hotfix.Failure) string // what lists call a case; default: the first line of its message
	Now      func() time.Time
	Log      *slog.Logger
}

// A SQL is a store in a database. It may be used by many goroutines, and the database by many processes.
type SQL struct {
	View // of everything

	lite    *sql.DB       // nil on PostgreSQL
	notices *sql.DB       // the same file, for what must be on the disk when it is acknowledged
	pg      *pgxpool.Pool // nil on SQLite
	path    string        // of the SQLite file
	file    os.FileInfo   // the file that was opened, to notice when it has been replaced
	now     func() time.Time
	log     *slog.Logger

	title   func(hotfix.Failure) string
	writer  chan struct{} // SQLite has one writer; waiting here is fairer than in its busy loop
	turn    chan struct{} // to wait for the writer; whoever writes a notice needs none
	box     sealer
	locks   *locks
	enqueue Enqueue // nil until a queue has been made
	due     func(hotfix.Case) time.Time

	batch struct {
		sync.Mutex
		pending []*arrival
		led     bool
		latest  int // how many the latest transaction stored
	}
}

// Open opens the database that cfg names, creates it if it is a file that does not exist, and brings its tables up
// to date.
func Open(ctx context.Context, cfg Config) (*SQL, error) {
	s := &SQL{now: cfg.Now, log: cfg.Log, writer: make(chan struct{}, 1), turn: make(chan struct{}, 1)}
	s.s = s
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.title = cfg.Title; s.title == nil {
		s.title = headline
	}
	key := cfg.Key
	switch {
	case len(key) == 0:
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
	case len(key) < 16:
		return nil, fmt.Errorf("the store's key has %d bytes: give at least 16", len(key))
	}
	var err error
	if s.box, err = newSealer(key); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, cfg); err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("bring tables up to date: %w", classify(err))
	}
	if len(cfg.Key) > 0 {
		if err := s.sameKey(ctx, cfg.Key); err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	return s, nil
}

// sameKey refuses a key that is not the store's. The first one given becomes it.
func (s *SQL) sameKey(ctx context.Context, key []byte) error {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("the key of this store"))
	mark, kept := hex.EncodeToString(mac.Sum(nil)), ""
	err := s.Write(ctx, func(tx Tx) error {
		return first(ctx, tx.querier(), `INSERT INTO about (name, value) VALUES ('key', ?)
			ON CONFLICT (name) DO UPDATE SET value = about.value RETURNING value`, []any{mark}, &kept)
	})
	if err == nil && kept != mark {
		err = errors.New("the store was made with another key: give every machine the file \"key\" of the data directory that it was made with")
	}
	if err != nil {
		return fmt.Errorf("compare keys: %w", err)
	}
	return nil
}

func (s *SQL) connect(ctx context.Context, cfg Config) error {
	scheme, rest, _ := strings.Cut(cfg.DSN, ":")
	switch scheme {
	case "sqlite":
		return s.openLite(ctx, rest, cfg.MaxBytes)
	case "postgres", "postgresql":
		return s.openPG(ctx, cfg.DSN)
	}
	return fmt.Errorf("no store is called %q: write sqlite:PATH or postgres://user@host/database", scheme)
}

// Close releases everything. Locks that are still held are lost.
func (s *SQL) Close() error {
	var err error
	if s.locks != nil {
		err = s.locks.close()
	}
	if s.pg != nil {
		s.pg.Close()
	}
	if s.notices != nil {
		err = errors.Join(err, s.notices.Close())
	}
	if s.lite != nil {
		err = errors.Join(err, s.lite.Close())
	}
	return err
}

// Lite returns the SQLite database, or nil.
func (s *SQL) Lite() *sql.DB { return s.lite }

// PG returns the PostgreSQL pool, or nil.
func (s *SQL) PG() *pgxpool.Pool { return s.pg }

// Ready returns nil if the store can take a notice, as far as can be known without writing one.
func (s *SQL) Ready(ctx context.Context) error {
	if err := s.intact(); err != nil {
		return err
	}
	var one int64
	return s.first(ctx, "reach store", "SELECT 1", nil, &one)
}

// intact returns an error if the SQLite file is no longer where it was opened: rows that are written now would
// vanish with it.
func (s *SQL) intact() error {
	if s.lite == nil {
		return nil
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	if !os.SameFile(info, s.file) {
		return fmt.Errorf("%w: %s was replaced by another file while it was in use", ErrFull, s.path)
	}
	return nil
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
