package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A View is the lists as somebody may see them who may not see every repository.
type View struct {
	s       *SQL
	lanes   []any           // of the repositories that may be seen; nil is all of them
	plugins map[string]bool // that may be seen
}

// Within is a view of these repositories' cases only, and of the figures of these plugins.
func (s *SQL) Within(repos, plugins []string) View {
	v := View{s: s, lanes: []any{}, plugins: map[string]bool{}}
	for _, r := range repos {
		v.lanes = append(v.lanes, clean(strings.ToLower(r)))
	}
	for _, p := range plugins {
		v.plugins[p] = true
	}
	return v
}

// All reports whether nothing is kept from the view.
func (v View) All() bool { return v.lanes == nil }

// Shows reports whether cases of repo are in the view.
func (v View) Shows(repo hotfix.Repo) bool {
	if v.All() {
		return true
	}
	for _, lane := range v.lanes {
		if lane == strings.ToLower(repo.String()) {
			return true
		}
	}
	return false
}

// only is the term that keeps column within the view, "" if it has no bounds.
func (v View) only(column string) (term string, lanes []any) {
	switch {
	case v.lanes == nil:
		return "", nil
	case len(v.lanes) == 0:
		return "1 = 0", nil
	}
	return column + " IN (?" + strings.Repeat(", ?", len(v.lanes)-1) + ")", v.lanes
}

// and is only as one more term of a query.
func (v View) and(column string) (term string, lanes []any) {
	term, lanes = v.only(column)
	if term != "" {
		term = " AND " + term
	}
	return term, append([]any{}, lanes...)
}

// A Lane is a repository with cases in it.
type Lane struct {
	Repo    string   // lower case, "owner/name"; "" for cases that belong nowhere
	Plugins []string // whose failures they are
	Case    hotfix.Fingerprint
}

// Lanes lists the repositories that have cases.
func (s *SQL) Lanes(ctx context.Context) ([]Lane, error) {
	var list []Lane
	err := s.db().query(ctx, "SELECT lane, plugin, min(fingerprint) FROM case_list GROUP BY lane, plugin ORDER BY lane, plugin", nil, func(r rows) error {
		var l Lane
		var plugin string
		if err := r.Scan(&l.Repo, &plugin, &l.Case); err != nil {
			return err
		}
		if n := len(list); n == 0 || list[n-1].Repo != l.Repo {
			list = append(list, l)
		}
		last := &list[len(list)-1]
		last.Plugins = append(last.Plugins, plugin)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list repositories: %w", classify(err))
	}
	return list, nil
}
