package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// ErrNoBackup means that this database makes its backups itself.
var ErrNoBackup = errors.New("PostgreSQL makes its own backups: use pg_dump")

// A Health is what a check found.
type Health struct {
	Bytes                       int64 // on disk
	Notices, Cases, Runs, Wants int
	Problems                    []string // one sentence each; nil is healthy
}

// Check reads everything there is and says what is wrong with it.
func (s *SQL) Check(ctx context.Context) (Health, error) {
	var h Health
	if err := s.integrity(ctx, &h); err != nil {
		return h, fmt.Errorf("check store: %w", classify(err))
	}
	tables := []struct {
		query string
		count *int
		kind  string
		into  func() any
	}{
		{"SELECT id, body FROM notices", &h.Notices, "notice", func() any { return new(hotfix.Notice) }},
		{"SELECT fingerprint, body FROM cases", &h.Cases, "case", func() any { return new(hotfix.Case) }},
		{"SELECT id, body FROM runs", &h.Runs, "run", func() any { return new(agent.Run) }},
	}
	for _, table := range tables {
		err := s.db().query(ctx, table.query, nil, func(r rows) error {
			var id, body string
			if err := r.Scan(&id, &body); err != nil {
				return err
			}
			*table.count++
			if err := json.Unmarshal([]byte(body), table.into()); err != nil {
				h.Problems = append(h.Problems, fmt.Sprintf("%s %s cannot be read: %v", table.kind, id, err))
			}
			return nil
		})
		if err != nil {
			return h, fmt.Errorf("check every %s: %w", table.kind, classify(err))
		}
	}
	if err := s.first(ctx, "count wants", "SELECT count(*) FROM wants", nil, &h.Wants); err != nil {
		return h, err
	}
	return h, s.orphans(ctx, &h)
}

// integrity asks the database whether it is well, and how large it is.
func (s *SQL) integrity(ctx context.Context, h *Health) error {
	if s.pg != nil {
		return first(ctx, s.db(), "SELECT pg_database_size(current_database())", nil, &h.Bytes)
	}
	if err := first(ctx, s.db(), "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", nil, &h.Bytes); err != nil {
		return err
	}
	return s.db().query(ctx, "PRAGMA integrity_check", nil, func(r rows) error {
		var line string
		err := r.Scan(&line)
		if err == nil && line != "ok" {
			h.Problems = append(h.Problems, line)
		}
		return err
	})
}

// orphans finds wants whose notice or case is missing: they can only fail.
func (s *SQL) orphans(ctx context.Context, h *Health) error {
	return s.db().query(ctx, `SELECT kind, name FROM wants WHERE
		CASE WHEN kind = 'triage' THEN NOT EXISTS (SELECT 1 FROM notices WHERE id = name)
		ELSE NOT EXISTS (SELECT 1 FROM cases WHERE fingerprint = name) END`, nil, func(r rows) error {
		var kind, name string
		err := r.Scan(&kind, &name)
		h.Problems = append(h.Problems, fmt.Sprintf("%s is wanted of %s, which is not there", kind, name))
		return err
	})
}

// Backup writes a copy of the SQLite store, as of now, to a new file, while others go on using the store. Restoring
// is putting the file in the store's place while nothing runs.
func (s *SQL) Backup(ctx context.Context, path string) error {
	if s.pg != nil {
		return ErrNoBackup
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // SQLite fills an empty file, with its mode
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("back up store: %s exists already: name a new file", path)
	}
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		_, err = s.db().exec(ctx, "VACUUM INTO ?", []any{path})
		if err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}
	if err != nil {
		return fmt.Errorf("back up store: %w", classify(err))
	}
	return nil
}
