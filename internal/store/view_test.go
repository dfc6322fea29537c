package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// views checks that a list shows nothing of a repository that is not in its view.
func views(t *testing.T, dsn string) {
	s := open(t, store.Config{DSN: dsn})
	for fp, plugin := range map[hotfix.Fingerprint]string{"v1-a": "greeter", "v1-b": "timer"} {
		c := fail(t, s, fp, plugin, "boom", 2)
		unlock, err := s.Lock(t.Context(), fp)
		require.NoError(t, err)
		_, err = s.Case(t.Context(), fp)
		require.NoError(t, err)
		c.Attempts = []hotfix.Attempt{{RunID: string(fp) + "-1", By: "policy", Started: day, Tokens: 900, Outcome: hotfix.Outcome{Ending: hotfix.NoFix}}}
		require.NoError(t, s.SaveCase(t.Context(), c))
		unlock()
	}
	lanes, err := s.Lanes(t.Context())
	require.NoError(t, err)
	require.Equal(t, []store.Lane{{Repo: "acme/greeter", Plugins: []string{"greeter"}, Case: "v1-a"}, {Repo: "acme/timer", Plugins: []string{"timer"}, Case: "v1-b"}}, lanes)
	tests := []struct {
		name string
		view store.View
		want int
	}{
		{"everything", s.View, 2},
		{"one", s.Within([]string{"ACME/Greeter"}, []string{"greeter"}), 1},
		{"nothing", s.Within(nil, nil), 0},
	}
	for _, tt := range tests {
		v := tt.view
		rows, total, err := v.CaseRows(t.Context(), store.CaseQuery{})
		require.NoError(t, err, tt.name)
		require.Len(t, rows, tt.want, tt.name)
		require.Equal(t, tt.want, total, tt.name)
		rates, err := v.Rates(t.Context(), day, 24)
		require.NoError(t, err, tt.name)
		require.Len(t, rates, tt.want, tt.name)
		busiest, err := v.Busiest(t.Context(), day, 5)
		require.NoError(t, err, tt.name)
		require.Len(t, busiest, tt.want, tt.name)
		standings, err := v.Standings(t.Context(), "acme")
		require.NoError(t, err, tt.name)
		counted := 0
		for _, st := range standings {
			counted += st.Cases
		}
		require.Equal(t, tt.want, counted, tt.name)
		attempts, err := v.AttemptRows(t.Context(), store.AttemptQuery{})
		require.NoError(t, err, tt.name)
		require.Len(t, attempts, tt.want, tt.name)
		spent, err := v.Spent(t.Context(), day.Add(-time.Hour))
		require.NoError(t, err, tt.name)
		require.Len(t, spent, tt.want, tt.name)
		require.Equal(t, tt.want == 2, v.All(), tt.name)
		require.Equal(t, tt.want > 0, v.Shows(hotfix.Repo{Owner: "Acme", Name: "greeter"}), tt.name)
		require.Equal(t, tt.want == 2, v.Shows(hotfix.Repo{Owner: "acme", Name: "timer"}), tt.name)
		require.Equal(t, tt.want == 2, v.Shows(hotfix.Repo{}), tt.name)
	}
}
