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

func TestObserve(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		state  hotfix.State
		count  int
		change hotfix.Change
		after  hotfix.State
	}{
		{"first sight", "", 0, hotfix.Opened, hotfix.Open},
		{"again", hotfix.Open, 3, hotfix.Repeated, hotfix.Open},
		{"while a draft waits", hotfix.Proposed, 3, hotfix.Repeated, hotfix.Proposed},
		{"after it was closed", hotfix.Closed, 3, hotfix.Reopened, hotfix.Open},
		{"though a person wants to hear no more", hotfix.Ignored, 3, hotfix.Repeated, hotfix.Ignored},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := hotfix.Case{State: tt.state, Count: tt.count}
			f := hotfix.Failure{ID: "x", At: noon}
			require.Equal(t, tt.change, c.Observe(f, []string{"x", "dispatch:x"}))
			require.Equal(t, tt.after, c.State)
			require.Equal(t, tt.count+1, c.Count)
			require.Equal(t, hotfix.Duplicate, c.Observe(f, []string{"y", "dispatch:x"}), "the same occurrence under another name")
			require.Equal(t, tt.count+1, c.Count)
		})
	}
}

func TestALateFailureOnlyCounts(t *testing.T) {
	t.Parallel()
	var c hotfix.Case
	c.Observe(hotfix.Failure{ID: "new", At: noon}, []string{"new"})
	c.Observe(hotfix.Failure{ID: "old", At: noon.Add(-time.Hour)}, []string{"old"})
	require.Equal(t, 2, c.Count)
	require.Equal(t, "new", c.Latest.ID)
	require.Equal(t, noon, c.Last)
}

func TestWhatACaseRemembersIsBounded(t *testing.T) {
	t.Parallel()
	var c hotfix.Case
	for i := range 5000 {
		id := fmt.Sprint(i)
		c.Observe(hotfix.Failure{ID: id, At: noon}, []string{id})
	}
	require.Equal(t, 5000, c.Count)
	require.Less(t, len(c.Seen), 1000)
	require.Equal(t, hotfix.Duplicate, c.Observe(hotfix.Failure{ID: "4999", At: noon}, []string{"4999"}))
}

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
