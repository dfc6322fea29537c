package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// TestShadowSumsUp: issues and drafts that would have been opened in the time asked for, and the rule that kept the rest back.
func TestShadowSumsUp(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Now()
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "hotfix.db")
	s, err := store.Open(ctx, store.Config{DSN: dsn})
	require.NoError(t, err)
	pretended := 1<<30 + 7
	drafted := hotfix.Attempt{RunID: "v1-a-1", Started: now, Ended: now, Outcome: hotfix.Outcome{Ending: hotfix.DraftOpened, PR: pretended, Risk: &hotfix.Assessment{Tier: hotfix.LowRisk}}}
	refused := hotfix.Attempt{RunID: "v1-b-1", Started: now, Ended: now, Outcome: hotfix.Outcome{Ending: hotfix.Refused, Refusals: []hotfix.Reason{{Rule: "regression"}}}}
	for _, c := range []hotfix.Case{
		{Fingerprint: "v1-a", Count: 3, Last: now, Opened: now, Issue: pretended, Attempts: []hotfix.Attempt{drafted}},
		{Fingerprint: "v1-b", Count: 1, Last: now, Opened: now.Add(-72 * time.Hour), Issue: pretended + 1, Attempts: []hotfix.Attempt{refused}, Decision: hotfix.Decision{Action: hotfix.Fix}},
		{Fingerprint: "v1-c", Count: 2, Last: now, Issue: 12, Decision: hotfix.Decision{Action: hotfix.Report, Reasons: []hotfix.Reason{{Rule: "transient"}}}},
		{Fingerprint: "v1-old", Count: 9, Last: now.Add(-72 * time.Hour), Opened: now.Add(-72 * time.Hour), Issue: pretended + 2},
	} {
		c.Repo = hotfix.Repo{Owner: "acme", Name: "adder"}
		require.NoError(t, s.SaveCase(ctx, c))
	}
	require.NoError(t, s.Close())

	out, err := try(t, &shadowCmd{}, "--store", dsn, "--since", "24h")
	require.NoError(t, err)
	_, after, _ := strings.Cut(out, "\n")
	require.Equal(t, "\n3 problems failed, 6 times over all.\n1 issues would have been opened.\n1 drafts of low risk would have been opened.\n"+
		"1 problems would have got no draft because of regression.\n1 problems would have got no draft because of transient.\n\n", after)

	out, err = try(t, &shadowCmd{}, "--store", dsn, "--json")
	require.NoError(t, err)
	var w daemon.Would
	require.NoError(t, json.Unmarshal([]byte(out), &w))
	require.Equal(t, 4, w.Cases, "a week, if nothing else is said")
	require.Equal(t, 3, w.Issues)

	_, err = try(t, &shadowCmd{}, "--store", "sqlite:"+filepath.Join(t.TempDir(), "none.db"))
	require.ErrorContains(t, err, "there is no store at")
}
