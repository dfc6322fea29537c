package hotfix_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

func TestEvidenceProves(t *testing.T) {
	t.Parallel()
	pass, fail := hotfix.TestRun{Passed: true}, hotfix.TestRun{Exit: 1}
	proof := func(change func(*hotfix.Evidence)) hotfix.Evidence {
		e := hotfix.Evidence{Before: []hotfix.TestRun{fail, fail}, After: []hotfix.TestRun{pass, pass}, Suite: &pass}
		change(&e)
		return e
	}
	tests := []struct {
		name string
		e    hotfix.Evidence
		want bool
	}{
		{"complete", proof(func(*hotfix.Evidence) {}), true},
		{"nothing", hotfix.Evidence{}, false},
		{"no test was added", proof(func(e *hotfix.Evidence) { e.Before = nil }), false},
		{"the test passes without the fix", proof(func(e *hotfix.Evidence) { e.Before[1] = pass }), false},
		{"the test did not end by itself", proof(func(e *hotfix.Evidence) { e.Before[0].Cause = "timeout" }), false},
		{"the test fails with the fix once", proof(func(e *hotfix.Evidence) { e.After[1] = fail }), false},
		{"the suite was not run", proof(func(e *hotfix.Evidence) { e.Suite = nil }), false},
		{"the test passes without the fix alone", proof(func(e *hotfix.Evidence) { e.Unfixed = []hotfix.TestRun{fail, pass} }), false},
		{"a gap was found", proof(func(e *hotfix.Evidence) { e.Gaps = []hotfix.Reason{{Rule: "environment"}} }), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, tt.e.Proves())
		})
	}
}

func TestParseRepo(t *testing.T) {
	t.Parallel()
	r, err := hotfix.ParseRepo("Acme/App")
	require.NoError(t, err)
	require.True(t, r.Is(hotfix.Repo{Owner: "acme", Name: "app"}))
	for _, bad := range []string{"", "acme", "acme/", "/app", "a/b/c", "a b/c", "a/.."} {
		_, err := hotfix.ParseRepo(bad)
		require.Error(t, err, bad)
	}
}

func TestANoticeKeepsItsTokenToItself(t *testing.T) {
	t.Parallel()
	secret := "ghs_" + fmt.Sprintf("%036d", 123456789)
	data, err := json.Marshal(hotfix.Notice{ID: "x", Token: redact.NewSecret(secret)})
	require.NoError(t, err)
	require.NotContains(t, string(data), secret)
}
