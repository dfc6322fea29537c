package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Own gives names to the case fp, unless one of them belongs to another case already: then all of them go to that
// one. It returns whose they are.
func (s *SQL) Own(ctx context.Context, fp hotfix.Fingerprint, names ...string) (hotfix.Fingerprint, error) {
	names = slices.Compact(slices.Sorted(slices.Values(names))) // one order, so that two claims never wait in a circle
	owner := fp
	err := s.Write(ctx, func(tx Tx) error {
		owner = fp
		for i, name := range names {
			// Writing the row even if it is there locks it, so that the answer holds until we are done.
			var of string
			err := tx.querier().query(ctx, `INSERT INTO names (name, fingerprint, at) VALUES (?, ?, ?)
				ON CONFLICT (name) DO UPDATE SET at = excluded.at RETURNING fingerprint`,
				[]any{clean(name), clean(string(owner)), micros(s.now())}, func(r rows) error { return r.Scan(&of) })
			if err != nil {
				return err
			}
			if hotfix.Fingerprint(of) == owner {
				continue
			}
			owner = hotfix.Fingerprint(of)
			for _, mine := range names[:i] {
				if _, err := tx.querier().exec(ctx, "UPDATE names SET fingerprint = ? WHERE name = ? AND fingerprint = ?",
					[]any{of, clean(mine), clean(string(fp))}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("claim names for case %s: %w", fp, err)
	}
	return owner, nil
}

// Owner returns the case that name belongs to, or ErrNotFound.
func (s *SQL) Owner(ctx context.Context, name string) (hotfix.Fingerprint, error) {
	var fp string
	err := s.first(ctx, "find the case of "+name, "SELECT fingerprint FROM names WHERE name = ?", []any{clean(name)}, &fp)
	return hotfix.Fingerprint(fp), err
}

// Opened counts the cases whose issue was decided upon since then: in repo, or in all if it is zero.
func (s *SQL) Opened(ctx context.Context, repo hotfix.Repo, since time.Time) (int, error) {
	query, args := "SELECT COUNT(*) FROM cases WHERE opened > ?", []any{micros(since)}
	if !repo.IsZero() {
		query, args = query+" AND repo = ?", append(args, lane(repo))
	}
	var n int64
	err := s.first(ctx, "count new issues", query, args, &n)
	return int(n), err
}

// Own is as SQL.Own.
func (v *Volatile) Own(_ context.Context, fp hotfix.Fingerprint, names ...string) (hotfix.Fingerprint, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	owner := fp
	for _, name := range slices.Sorted(slices.Values(names)) {
		if of, ok := v.names[name]; ok {
			owner = of
			break
		}
	}
	for _, name := range names {
		if _, ok := v.names[name]; !ok {
			v.names[name] = owner
		}
	}
	return owner, nil
}

// Owner is as SQL.Owner.
func (v *Volatile) Owner(_ context.Context, name string) (hotfix.Fingerprint, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fp, ok := v.names[name]
	if !ok {
		return "", fmt.Errorf("find the case of %s: %w", name, ErrNotFound)
	}
	return fp, nil
}

// Opened is as SQL.Opened.
func (v *Volatile) Opened(_ context.Context, repo hotfix.Repo, since time.Time) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := 0
	for _, stored := range v.cases {
		if stored.at.Opened.After(since) && (repo.IsZero() || stored.at.Repo.Is(repo)) {
			n++
		}
	}
	return n, nil
}
