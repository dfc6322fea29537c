package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// Whoever watches reads what is due and nothing else, however many cases there are: the others of this test could not even
// be decoded.
func TestIdleCasesAreNotRead(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, store.Config{DSN: db.address(t)})
			s.OnDue(func(c hotfix.Case) time.Time { return c.Opened })
			for i := range 450 { // more than two pages, many due at the same time
				saveDue(t, s, hotfix.Fingerprint(fmt.Sprintf("v1-%03d", i)), day.Add(time.Duration(i%7)*time.Hour))
			}
			saveDue(t, s, "v1-never", time.Time{})
			damage(t, s, `INSERT INTO cases (fingerprint, version, repo, issue, state, seen, opened, due, body)
				WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 20000)
				SELECT 'idle-'||i, 1, 'acme/app', i, 'new', i, i, CASE WHEN i % 2 = 0 THEN 0 ELSE 4000000000000000 + i END, 'none' FROM n`)
			damage(t, s, "ANALYZE")
			plan, err := s.Plan(t.Context())
			require.NoError(t, err)
			require.Contains(t, plan, "cases_due", plan)
			require.NotRegexp(t, `(?i)\bscan cases|seq scan|\bsort\b|temp b-tree`, plan)

			require.Len(t, due(t, s, day.Add(-time.Second)), 0)
			require.Len(t, due(t, s, day), 65)
			all := due(t, s, day.Add(6*time.Hour))
			require.Len(t, all, 450)
			damage(t, s, "UPDATE cases SET due = 1 WHERE fingerprint = 'idle-1'")
			seen := 0
			require.ErrorContains(t, s.Due(t.Context(), day.Add(6*time.Hour), func(hotfix.Case) { seen++ }), "decode case idle-1")
			require.Equal(t, 450, seen, "what cannot be read stops no other")
			damage(t, s, "DELETE FROM cases WHERE fingerprint = 'idle-1'")
			saveDue(t, s, "v1-000", day.Add(48*time.Hour))
			require.NotContains(t, due(t, s, day.Add(47*time.Hour)), "v1-000")
			require.Contains(t, due(t, s, day.Add(48*time.Hour)), "v1-000")
		})
	}
}

// What was saved by somebody who does not know when it is due, like a release from before, is due once.
func TestCasesOfUnknownTimes(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			dsn := db.address(t)
			saveDue(t, open(t, store.Config{DSN: dsn}), "v1-a", day.Add(time.Hour))
			s := open(t, store.Config{DSN: dsn})
			require.Equal(t, []string{"v1-a"}, due(t, s, day), "nobody has said when")
			s.OnDue(func(c hotfix.Case) time.Time { return c.Opened })
			require.Empty(t, due(t, s, day))
			s.OnDue(func(hotfix.Case) time.Time { t.Error("it was read once more"); return time.Time{} })
			require.Empty(t, due(t, s, day))
			s.OnDue(func(c hotfix.Case) time.Time { return c.Opened })
			require.Equal(t, []string{"v1-a"}, due(t, s, day.Add(time.Hour)))
		})
	}
}

func saveDue(t *testing.T, s *store.SQL, fp hotfix.Fingerprint, at time.Time) {
	unlock, err := s.Lock(t.Context(), fp)
	require.NoError(t, err)
	defer unlock()
	c, err := s.Case(t.Context(), fp)
	if err != nil {
		require.ErrorIs(t, err, store.ErrNotFound)
	}
	c.Fingerprint, c.Repo, c.Opened = fp, hotfix.Repo{Owner: "acme", Name: "app"}, at
	require.NoError(t, s.SaveCase(t.Context(), c))
}

func due(t *testing.T, s *store.SQL, now time.Time) []string {
	var seen []string
	require.NoError(t, s.Due(t.Context(), now, func(c hotfix.Case) { seen = append(seen, string(c.Fingerprint)) }))
	return seen
}
