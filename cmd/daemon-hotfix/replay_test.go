package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A capsule, an event and a case of one failure are seen as the same problem, and a recorded run as the same or not.
func TestReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	f := hotfix.Failure{ID: "one", Plugin: hotfix.Plugin{ID: "acme/greet", Kind: "http", Repo: hotfix.Repo{Owner: "acme", Name: "greet"}},
		Category: "http", Status: 500, Message: redact.Scrub("TypeError: boom in greet"), At: at}
	c := hotfix.Case{Fingerprint: triage.Fingerprint(f), Repo: f.Plugin.Repo, Issue: 3, Count: 1, First: at, Last: at, Latest: f}
	recorder := agent.Agent{Model: agenttest.Play(agenttest.Say("Hm."), agenttest.Say("Hm?")), Tools: everyTool(nil, nil)}
	played, err := recorder.Run(t.Context(), agent.Task{ID: "r"})
	require.NoError(t, err)
	changed := *played
	changed.Steps = append([]agent.Step(nil), played.Steps...)
	changed.Steps[0].Note = "Something else."
	s, err := store.Open(t.Context(), store.Config{DSN: "sqlite:" + filepath.Join(dir, "hotfix.db")})
	require.NoError(t, err)
	for id, r := range map[string]*agent.Run{"r-1": played, "r-2": &changed} {
		require.NoError(t, s.SaveRun(t.Context(), id, r))
	}
	save := func(attempts ...string) {
		unlock, err := s.Lock(t.Context(), c.Fingerprint)
		require.NoError(t, err)
		defer unlock()
		_, _ = s.Case(t.Context(), c.Fingerprint) // not there at first
		c.Attempts = nil
		for _, id := range attempts {
			c.Attempts = append(c.Attempts, hotfix.Attempt{RunID: id, Started: at})
		}
		require.NoError(t, s.SaveCase(t.Context(), c))
	}
	file := filepath.Join(dir, "capsule.json")
	var b bytes.Buffer
	require.NoError(t, capsule.Write(&b, capsule.Of(c, hotfix.Notice{})))
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
	event := filepath.Join(dir, "event.txt")
	require.NoError(t, os.WriteFile(event, []byte("TypeError: boom in greet"), 0o600))
	call := func(args ...string) (int, replayReport, string) {
		var out, errs bytes.Buffer
		status := run(context.Background(), append([]string{"replay", "--data", dir, "--json"}, args...), streams{Out: &out, Err: &errs})
		var r replayReport
		_ = json.Unmarshal(out.Bytes(), &r) // there is none after an error
		return status, r, errs.String()
	}
	status, r, _ := call(file)
	require.Equal(t, 0, status)
	require.Equal(t, c.Fingerprint, r.Fingerprint)
	require.Equal(t, c.Fingerprint, r.Recorded)
	status, r, _ = call(event)
	require.Equal(t, 0, status)
	require.NotEmpty(t, r.Decision.Reasons)
	save("r-1", "r-none")
	status, r, says := call("acme/greet#3")
	require.Equal(t, 0, status, says)
	require.Equal(t, []replayedRun{{ID: "r-1", Steps: 2, Notes: []string{"it does not say what its prompt was made of, so neither that nor its calls were made anew"}},
		{ID: "r-none", Cannot: "its transcript was not kept"}}, r.Runs)
	save("r-1", "r-2")
	status, r, _ = call(string(c.Fingerprint))
	require.Equal(t, exitDiverges, status)
	require.Contains(t, r.Runs[1].Diverges, "at step 1: remark of the loop")
	status, _, says = call("acme/greet#4")
	require.Equal(t, 1, status)
	require.Contains(t, says, "no case with the issue")
	require.NoError(t, os.WriteFile(file, bytes.Replace(b.Bytes(), []byte("boom"), []byte("bang"), 1), 0o600))
	status, _, says = call(file)
	require.Equal(t, 1, status)
	require.Contains(t, says, "changed since")
	require.NoError(t, s.Close())
}
