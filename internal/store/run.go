package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

// SaveRun stores the transcript of an attempt under id, in place of an earlier one.
func (s *SQL) SaveRun(ctx context.Context, id string, run *agent.Run) error {
	body, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("encode run %s: %w", id, err)
	}
	err = s.Write(ctx, func(tx Tx) error {
		_, err := tx.querier().exec(ctx, `INSERT INTO runs (id, at, stop, steps, body) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET at = excluded.at, stop = excluded.stop, steps = excluded.steps, body = excluded.body`,
			[]any{clean(id), micros(s.now()), clean(string(run.Stop)), int64(len(run.Steps)), string(body)})
		return err
	})
	if err != nil {
		return fmt.Errorf("save run %s: %w", id, err)
	}
	return nil
}

// Run returns the transcript with this id, or ErrNotFound.
func (s *SQL) Run(ctx context.Context, id string) (*agent.Run, error) {
	var body string
	if err := s.first(ctx, "read run "+id, "SELECT body FROM runs WHERE id = ?", []any{clean(id)}, &body); err != nil {
		return nil, err
	}
	run := new(agent.Run)
	if err := json.Unmarshal([]byte(body), run); err != nil {
		return nil, fmt.Errorf("decode run %s: %w", id, err)
	}
	return run, nil
}

// A RunRow is a run in a list.
type RunRow struct {
	ID    string
	Saved time.Time
	Stop  agent.Stop // "" while it is under way
	Steps int
}

// Runs lists runs, the latest first. limit 0 is 100.
func (s *SQL) Runs(ctx context.Context, limit int) ([]RunRow, error) {
	var list []RunRow
	err := s.db().query(ctx, "SELECT id, at, stop, steps FROM runs ORDER BY at DESC, id LIMIT ?",
		[]any{int64(cmp.Or(limit, 100))}, func(r rows) error {
			var row RunRow
			var at int64
			if err := r.Scan(&row.ID, &at, &row.Stop, &row.Steps); err != nil {
				return err
			}
			row.Saved = fromMicros(at)
			list = append(list, row)
			return nil
		})
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", classify(err))
	}
	return list, nil
}
