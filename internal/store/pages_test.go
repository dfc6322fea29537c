package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// day is when the failures of these tests began.
var day = time.Date(2026, 5, 4, 10, 20, 0, 0, time.UTC)

// fail counts n failures of one problem, an hour apart, as the daemon does: one save for each.
func fail(t *testing.T, s *store.SQL, fp hotfix.Fingerprint, plugin, message string, n int) hotfix.Case {
	t.Helper()
	unlock, err := s.Lock(t.Context(), fp)
	require.NoError(t, err)
	defer unlock()
	c := hotfix.Case{Fingerprint: fp, Repo: hotfix.Repo{Owner: "Acme", Name: plugin}}
	for i := range n {
		at := day.Add(time.Duration(i) * time.Hour)
		name := fmt.Sprint(fp, i)
		c.Observe(hotfix.Sighting{Names: []string{name}, Failure: hotfix.Failure{ID: name, Plugin: hotfix.Plugin{ID: plugin}, Message: redact.Scrub(message + "\n  at x"), At: at}})
		c.Decision = hotfix.Decision{Action: hotfix.Report, Risk: hotfix.MediumRisk, Reasons: []hotfix.Reason{{Rule: "transient"}}}
		require.NoError(t, s.SaveCase(t.Context(), c))
	}
	require.NoError(t, s.SaveCase(t.Context(), c), "saved again without a new failure")
	return c
}

func names(rows []store.CaseRow) (out []string) {
	for _, r := range rows {
		out = append(out, string(r.Fingerprint))
	}
	return out
}

func caseLists(t *testing.T, dsn string) {
	s := open(t, store.Config{DSN: dsn})
	fail(t, s, "v1-a", "greeter", "HTTP 500: 100% boom_x", 3)
	fail(t, s, "v1-b", "timer", "timeout", 30)
	tests := []struct {
		name  string
		query store.CaseQuery
		want  []string
	}{
		{"all, the latest first", store.CaseQuery{}, []string{"v1-b", "v1-a"}},
		{"text", store.CaseQuery{Text: "100% Boom_"}, []string{"v1-a"}},
		{"a wildcard stands for itself", store.CaseQuery{Text: "b%m"}, nil},
		{"plugin", store.CaseQuery{Plugin: "timer"}, []string{"v1-b"}},
		{"repository in any case", store.CaseQuery{Repo: "acme/GREETER"}, []string{"v1-a"}},
		{"state", store.CaseQuery{State: hotfix.Closed}, nil},
		{"action and rule", store.CaseQuery{Action: "report", Rule: "transient", Order: "count"}, []string{"v1-b", "v1-a"}},
		{"since", store.CaseQuery{Since: day.Add(10 * time.Hour)}, []string{"v1-b"}},
		{"the second page", store.CaseQuery{Offset: 1, Limit: 1}, []string{"v1-a"}},
	}
	for _, tt := range tests {
		rows, _, err := s.CaseRows(t.Context(), tt.query)
		require.NoError(t, err, tt.name)
		require.Equal(t, tt.want, names(rows), tt.name)
	}
	rows, total, err := s.CaseRows(t.Context(), store.CaseQuery{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, 2, total)
	require.Equal(t, store.CaseRow{Fingerprint: "v1-b", Repo: "Acme/timer", Plugin: "timer", Title: "timeout", State: hotfix.New,
		Action: hotfix.Report, Risk: hotfix.MediumRisk, Rule: "transient", Count: 30, First: day, Last: day.Add(29 * time.Hour)}, rows[0])
	standings, err := s.Standings(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, []store.Standing{{State: hotfix.New, Action: hotfix.Report, Rule: "transient", Cases: 2, Count: 33}}, standings)
	none, err := s.Standings(t.Context(), "acm")
	require.NoError(t, err)
	require.Empty(t, none)
}

func countsOverTime(t *testing.T, dsn string) {
	s := open(t, store.Config{DSN: dsn})
	fail(t, s, "v1-a", "greeter", "boom", 3)
	fail(t, s, "v1-b", "greeter", "bang", 30)
	hourly, err := s.Rates(t.Context(), day, 6)
	require.NoError(t, err)
	sum := 0
	for _, r := range hourly {
		require.Zero(t, r.At.Hour()%6, "%v", r.At)
		sum += r.N
	}
	require.Equal(t, 33, sum, "each failure is counted once, however often its case is saved")
	require.Equal(t, 2+2, hourly[0].N, "two of each before noon")
	daily, err := s.Rates(t.Context(), day, 24)
	require.NoError(t, err)
	require.Equal(t, []int{3 + 14, 16}, []int{daily[0].N, daily[1].N})
	days, err := s.Days(t.Context(), "v1-b", day)
	require.NoError(t, err)
	require.Equal(t, []int{14, 16}, []int{days[0].N, days[1].N})
	busiest, err := s.Busiest(t.Context(), day.Add(24*time.Hour), 5)
	require.NoError(t, err)
	require.Equal(t, []string{"v1-b"}, names(busiest))
	require.Equal(t, 16, busiest[0].Lately)
}

func attemptLists(t *testing.T, dsn string) {
	s := open(t, store.Config{DSN: dsn})
	c := fail(t, s, "v1-a", "greeter", "boom", 1)
	unlock, err := s.Lock(t.Context(), c.Fingerprint)
	require.NoError(t, err)
	defer unlock()
	_, err = s.Case(t.Context(), c.Fingerprint)
	require.NoError(t, err)
	c.Attempts = []hotfix.Attempt{
		{RunID: "v1-a-1", By: "policy", Started: day, Ended: day.Add(time.Minute), Steps: 4, Tokens: 900, Cost: 0.25,
			Outcome: hotfix.Outcome{Ending: hotfix.DraftOpened, PR: 7}},
		{RunID: "v1-a-2", By: "mona", Started: day.Add(time.Hour)}}
	require.NoError(t, s.SaveCase(t.Context(), c))
	running, err := s.AttemptRows(t.Context(), store.AttemptQuery{Running: true})
	require.NoError(t, err)
	require.Len(t, running, 1)
	require.Equal(t, "v1-a-2", running[0].Run)
	drafts, err := s.AttemptRows(t.Context(), store.AttemptQuery{Drafts: true, Repo: "ACME/greeter"})
	require.NoError(t, err)
	require.Len(t, drafts, 1)
	require.Equal(t, 0.25, drafts[0].Cost)
	require.Equal(t, "boom", drafts[0].Title)
	spent, err := s.Spent(t.Context(), day)
	require.NoError(t, err)
	require.ElementsMatch(t, []store.Spending{{Repo: "acme/greeter", Ending: hotfix.DraftOpened, Attempts: 1, Tokens: 900, Cost: 0.25},
		{Repo: "acme/greeter", Attempts: 1}}, spent)
}

// TestCasesOfOlderVersionsAreListed takes the lists away, as if the cases had been saved before there were any.
func TestCasesOfOlderVersionsAreListed(t *testing.T) {
	t.Parallel()
	dsn := "sqlite:" + t.TempDir() + "/old.db"
	s := open(t, store.Config{DSN: dsn})
	fail(t, s, "v1-a", "greeter", "boom", 3)
	_, err := s.Lite().Exec("DELETE FROM case_list")
	require.NoError(t, err)
	again := open(t, store.Config{DSN: dsn})
	rows, total, err := again.CaseRows(t.Context(), store.CaseQuery{})
	require.NoError(t, err)
	require.Equal(t, 1, total)
	require.Equal(t, 3, rows[0].Count)
	hourly, err := again.Rates(t.Context(), day, 24)
	require.NoError(t, err)
	require.Len(t, hourly, 1)
	require.Equal(t, 3, hourly[0].N, "listing a case is no failure")
}
