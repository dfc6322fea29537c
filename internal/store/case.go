package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Case returns the case with this fingerprint, or ErrNotFound. The first read under the case's lock decides which
// version a later SaveCase may replace.
func (s *SQL) Case(ctx context.Context, fp hotfix.Fingerprint) (hotfix.Case, error) {
	var body string
	var version int64
	if err := s.first(ctx, "read case "+string(fp), "SELECT body, version FROM cases WHERE fingerprint = ?",
		[]any{clean(string(fp))}, &body, &version); err != nil {
		return hotfix.Case{}, err
	}
	var c hotfix.Case
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		return hotfix.Case{}, fmt.Errorf("decode case %s: %w", fp, err)
	}
	s.locks.mu.Lock()
	defer s.locks.mu.Unlock()
	if h := s.locks.held(caseLock(fp)); h != nil && !h.read {
		h.read, h.version = true, version
	}
	return c, nil
}

// Find returns the fingerprint of the case that this issue is about, or ErrNotFound.
func (s *SQL) Find(ctx context.Context, repo hotfix.Repo, issue int) (hotfix.Fingerprint, error) {
	var fp string
	err := s.first(ctx, fmt.Sprintf("find case of %s#%d", repo, issue),
		"SELECT fingerprint FROM cases WHERE repo = ? AND issue = ? ORDER BY +seen DESC LIMIT 1",
		[]any{lane(repo), int64(issue)}, &fp)
	return hotfix.Fingerprint(fp), err
}

func lane(repo hotfix.Repo) string { return clean(strings.ToLower(repo.String())) }

// SaveCase saves c and, in the same transaction, that next is wanted for it. The case must be new, or have been read
// since its lock was taken; if somebody else saved it meanwhile, the error is ErrConflict and nothing has changed.
func (s *SQL) SaveCase(ctx context.Context, c hotfix.Case, next ...hotfix.Next) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode case %s: %w", c.Fingerprint, err)
	}
	name := caseLock(c.Fingerprint)
	s.locks.mu.Lock()
	h := s.locks.held(name)
	version := int64(0)
	if h != nil {
		version = h.version
	}
	s.locks.mu.Unlock()

	err = s.Write(ctx, func(tx Tx) error {
		if err := s.putCase(ctx, tx, c, string(body), version); err != nil {
			return err
		}
		if len(c.Counts) > 0 {
			ids := make([]any, len(c.Counts))
			for i, id := range c.Counts {
				ids[i] = clean(id)
			}
			if _, err := tx.querier().exec(ctx, "UPDATE notices SET counted = 1 WHERE id IN "+places(1, len(ids)), ids); err != nil {
				return err
			}
		}
		wants := make([]Want, 0, len(next))
		for _, n := range next {
			wants = append(wants, Want{Kind: Kind(n), Name: string(c.Fingerprint), Lane: lane(c.Repo)})
		}
		if err := s.Want(ctx, tx, wants...); err != nil {
			return err
		}
		return s.list(ctx, tx.querier(), c, version > 0 || c.Count == 1)
	})
	if err != nil {
		return fmt.Errorf("save case %s: %w", c.Fingerprint, err)
	}
	if h != nil {
		s.locks.mu.Lock()
		h.read, h.version = true, version+1
		s.locks.mu.Unlock()
	}
	return nil
}

func (s *SQL) putCase(ctx context.Context, tx Tx, c hotfix.Case, body string, version int64) error {
	args := []any{version + 1, lane(c.Repo), int64(c.Issue), clean(string(c.State)), micros(c.Last), micros(c.Opened), s.dueAt(c), body,
		clean(string(c.Fingerprint))}
	query := `INSERT INTO cases (version, repo, issue, state, seen, opened, due, body, fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (fingerprint) DO NOTHING`
	if version > 0 {
		query = `UPDATE cases SET version = ?, repo = ?, issue = ?, state = ?, seen = ?, opened = ?, due = ?, body = ?
			WHERE fingerprint = ? AND version = ?`
		args = append(args, version)
	}
	n, err := tx.querier().exec(ctx, query, args)
	if err == nil && n == 0 {
		err = ErrConflict
	}
	return err
}

// A CaseFilter narrows a list of cases. Its zero value lists all.
type CaseFilter struct {
	Repo  hotfix.Repo
	State hotfix.State
	Not   hotfix.Repo        // nothing in this one
	Since time.Time          // only what failed after it
	Tried time.Time          // only what an attempt was made at after it
	After hotfix.Fingerprint // the last case of the page before
	Limit int                // 0 is 100
}

// Cases lists cases, the latest failure first.
func (s *SQL) Cases(ctx context.Context, f CaseFilter) ([]hotfix.Case, error) {
	where, args, repo, by := []string{"1 = 1"}, []any{}, "repo", "seen"
	if f.State != "" {
		by = "+seen" // few are sorted, instead of looking for them in the order of all
	}
	if !f.Tried.IsZero() {
		repo, by = "repo || ''", "+seen" // nor are they looked for among all of the repository
	}
	if !f.Repo.IsZero() {
		where, args = append(where, repo+" = ?"), append(args, lane(f.Repo))
	}
	if !f.Not.IsZero() {
		where, args = append(where, "repo <> ?"), append(args, lane(f.Not))
	}
	if f.State != "" {
		where, args = append(where, "state = ?"), append(args, string(f.State))
	}
	if !f.Since.IsZero() {
		where, args = append(where, "seen > ?"), append(args, micros(f.Since))
	}
	if !f.Tried.IsZero() {
		where, args = append(where, "fingerprint IN (SELECT fingerprint FROM attempt_list WHERE started > ?)"), append(args, micros(f.Tried))
	}
	if f.After != "" {
		var seen int64
		err := s.first(ctx, "find page", "SELECT seen FROM cases WHERE fingerprint = ?", []any{clean(string(f.After))}, &seen)
		if err != nil {
			return nil, err
		}
		where = append(where, "(seen < ? OR (seen = ? AND fingerprint < ?))")
		args = append(args, seen, seen, clean(string(f.After)))
	}
	var list []hotfix.Case
	query := "SELECT body FROM cases WHERE " + strings.Join(where, " AND ") + " ORDER BY " + by + " DESC, fingerprint DESC LIMIT ?"
	err := s.db().query(ctx, query, append(args, int64(cmp.Or(f.Limit, 100))), func(r rows) error {
		var body string
		if err := r.Scan(&body); err != nil {
			return err
		}
		list = append(list, hotfix.Case{})
		return json.Unmarshal([]byte(body), &list[len(list)-1])
	})
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", classify(err))
	}
	return list, nil
}
