package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// liteConns bounds the connections to the file: one writes, the others read.
const liteConns = 4

// pageBytes is the size of SQLite's pages, its default.
const pageBytes = 4096

// openLite opens the SQLite file, twice. What is written through notices is FULL: it survives a power cut, with all that
// was written before it. The rest survives a crash of the process without waiting for the disk; what a power cut takes of
// it is done again, because the notices are there.
func (s *SQL) openLite(ctx context.Context, path string, maxBytes int64) error {
	if path == "" || strings.HasPrefix(path, ":") || strings.HasPrefix(path, "file:") {
		return fmt.Errorf("sqlite:%s names no file: write sqlite:PATH", path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find %s: %w", path, err)
	}
	if err := createPrivate(path); err != nil {
		return fmt.Errorf("create store: %w", err)
	}
	pragmas := url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)", "temp_store(MEMORY)"}}
	if maxBytes > 0 {
		pragmas.Add("_pragma", fmt.Sprintf("max_page_count(%d)", max(maxBytes/pageBytes, 1)))
	}
	name := (&url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}).String()
	if s.lite, err = sql.Open(liteDriver, name); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	full := maps.Clone(pragmas)
	full["_pragma"] = append(slices.Clone(pragmas["_pragma"]), "synchronous(FULL)")
	name = (&url.URL{Scheme: "file", Path: path, RawQuery: full.Encode()}).String()
	if s.notices, err = sql.Open(liteDriver, name); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	s.notices.SetMaxOpenConns(1)
	s.lite.SetMaxOpenConns(liteConns)
	s.lite.SetMaxIdleConns(liteConns)
	s.path = path
	if s.file, err = os.Stat(path); err == nil {
		err = s.firstConnection(ctx)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("open %s: %w", path, classify(err)), s.Close())
	}
	return nil
}

// firstConnection makes the file what it shall be. Only one process at a time may: SQLite does not wait for a file that
// somebody else is turning to write-ahead logging, whatever the busy timeout is.
func (s *SQL) firstConnection(ctx context.Context) (err error) {
	if s.locks, err = fileLocks(s.path + ".lock"); err != nil {
		return err
	}
	unlock, err := s.Exclusive(ctx, "open")
	if err != nil {
		return err
	}
	defer unlock()
	return s.lite.PingContext(ctx)
}

// createPrivate makes an empty file that only its owner may read. One that exists is not opened here: to close it
// again would drop the locks that SQLite holds on it in this process.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func (s *SQL) openPG(ctx context.Context, dsn string) error {
	cfg, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return fmt.Errorf("read the store's address: %w", err) // pgx leaves the password out
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		cfg.MaxConns = 16
	}
	if s.pg, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return fmt.Errorf("open store: %w", classify(err))
	}
	if err = s.pg.Ping(ctx); err != nil {
		s.pg.Close()
		return fmt.Errorf("reach store: %w", classify(err))
	}
	s.locks = advisoryLocks(cfg.ConnConfig.Copy())
	return nil
}

// migrate brings our tables up to date, one process at a time. There is no way back but a backup.
func (s *SQL) migrate(ctx context.Context) error {
	unlock, err := s.Exclusive(ctx, "migrate")
	if err != nil {
		return err
	}
	defer unlock()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	dialect, db := goose.DialectSQLite3, s.lite
	if s.pg != nil {
		dialect, db = goose.DialectPostgres, stdlib.OpenDBFromPool(s.pg)
		defer db.Close() // not the pool beneath it
	}
	provider, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true),
		goose.WithTableName("hotfix_migrations"))
	if err != nil {
		return err
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	sources := provider.ListSources()
	if newest := sources[len(sources)-1].Version; version > newest {
		return fmt.Errorf("a newer daemon-hotfix made the tables (version %d, and this one knows %d): install that one, or go back to a backup", version, newest)
	}
	if _, err = provider.Up(ctx); err != nil {
		return err
	}
	return s.listAll(ctx)
}
