package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// greetTest is a test file that greets somebody, and mona as well.
func greetTest(name, who, want string) string {
	return fmt.Sprintf("import assert from \"node:assert\";\nimport { test } from \"node:test\";\nimport { greet } from \"./greet.js\";\n\n"+
		"test(%q, () => {\n  assert.equal(greet(%s), %q);\n  assert.equal(greet(\" mona \"), \"Hello mona\");\n  assert.equal(greet(\"\"), \"Hello you\");\n});\n", name, who, want)
}

// attempted has a daemon make one real attempt that ends with a draft, and returns the directory of its store, a clone of the
// repository, the case and the delivery's id.
func attempted(t *testing.T) (data, clone string, c hotfix.Case, delivery string) {
	t.Helper()
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	repo := hotfix.Repo{Owner: "acme", Name: "greet"}
	script := agenttest.Play(
		agenttest.Call("run-command", map[string]any{"command": "cat greet.js"}),
		agenttest.Call("run-tests", map[string]any{}),
		agenttest.Call("write-patch", map[string]any{"edits": []map[string]any{{"path": "greet.js", "old": "name.trim", "new": "(name ?? \"\").trim"},
			{"path": "null.test.js", "old": "", "new": greetTest("greets nobody", "null", "Hello you")}}}),
		agenttest.Call("open-pr", map[string]any{"title": "Greet nobody", "explanation": "A missing name made greet throw a TypeError; it is now read as an empty one.", "risk": "None."}))
	data = t.TempDir()
	s, err := evals.NewStage(context.Background(), evals.StageConfig{Dir: data, Allow: []hotfix.Repo{repo}, Model: script, Box: box, MaxSteps: 10})
	require.NoError(t, err)
	require.NoError(t, s.Forge.AddRepo(repo, map[string]string{"package.json": `{"name":"greet","type":"module","scripts":{"test":"node --test"}}`,
		"greet.js":      "export function greet(name) {\n  const who = name.trim();\n  return `Hello ${who || \"you\"}`;\n}\n",
		"greet.test.js": greetTest("greets", `"mona"`, "Hello mona"),
		"table.js":      strings.Repeat("// filling\n", 1500)})) // too much to be shown whole, so that every tool is offered
	body := kerneltest.Sign(s.Key, kerneltest.Fields{Token: s.Forge.Token().Reveal(), Settings: json.RawMessage(`{"modes":["issue","pr"],"storeRawEvents":true}`),
		Payload: kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: repo.Owner, Repo: repo.Name, Ref: "main"},
			Message: "TypeError: Cannot read properties of null (reading 'trim')\n    at greet (greet.js:1:38)",
			Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}.Payload()})
	res, err := http.Post(s.Address, "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	require.NoError(t, s.Settle(ctx))
	cases, err := s.Engine.Store().Cases(ctx, store.CaseFilter{})
	require.NoError(t, err)
	require.Len(t, cases, 1)
	require.Len(t, cases[0].Attempts, 1, "%+v", cases[0].Decision)
	require.Equal(t, hotfix.DraftOpened, cases[0].Attempts[0].Outcome.Ending, "%+v", cases[0].Attempts[0].Outcome)
	clone = filepath.Join(t.TempDir(), "greet")
	token := s.Forge.Token().Reveal()
	out, err := exec.Command("git", "clone", "-q", strings.Replace(s.Forge.URL(), "://", "://x-access-token:"+token+"@", 1)+"/acme/greet.git", clone).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, s.Close())
	return data, clone, cases[0], cases[0].Via
}

// An attempt that a daemon made is made again from its record: the prompt is rendered, the tools are called, the patch is
// proven, and what differs is named with its step and its field.
func TestReplayMakesTheCallsAgain(t *testing.T) {
	t.Parallel()
	data, clone, c, delivery := attempted(t)
	id := c.Attempts[0].RunID
	call := func(what string, args ...string) (int, replayReport) {
		var out, errs bytes.Buffer
		status := run(context.Background(), append([]string{"replay", "--data", data, "--json", what}, args...), streams{Out: &out, Err: &errs})
		var r replayReport
		require.NoError(t, json.Unmarshal(out.Bytes(), &r), errs.String())
		require.Len(t, r.Runs, 1)
		return status, r
	}
	status, r := call(string(c.Fingerprint), "--repo", clone)
	require.Equal(t, 0, status, "%+v", r.Runs)
	require.Equal(t, 4, r.Runs[0].Again, "%+v", r.Runs)
	require.Contains(t, r.Runs[0].Prompt, "sha256:")
	require.Empty(t, r.Runs[0].Notes)

	status, r = call(delivery) // without a repository, from the stored payload
	require.Equal(t, 0, status, "%+v", r)
	require.Equal(t, c.Fingerprint, r.Fingerprint)
	require.Zero(t, r.Runs[0].Again)
	require.Contains(t, r.Runs[0].Notes[0], "--repo")

	change := func(f func(*agent.Run, *hotfix.Case)) {
		s, err := store.Open(t.Context(), store.Config{DSN: "sqlite:" + filepath.Join(data, "hotfix.db")})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		unlock, err := s.Lock(t.Context(), c.Fingerprint)
		require.NoError(t, err)
		defer unlock()
		now, err := s.Case(t.Context(), c.Fingerprint)
		require.NoError(t, err)
		run, err := s.Run(t.Context(), id)
		require.NoError(t, err)
		f(run, &now)
		require.NoError(t, s.SaveRun(t.Context(), id, run))
		require.NoError(t, s.SaveCase(t.Context(), now))
	}
	var was string
	change(func(run *agent.Run, _ *hotfix.Case) {
		answer := &run.Steps[1].Calls[0].Result
		was, *answer = *answer, strings.Replace(*answer, "1 passed", "2 passed", 1)
		require.NotEqual(t, was, *answer)
	})
	status, r = call(string(c.Fingerprint), "--repo", clone)
	require.Equal(t, exitDiverges, status)
	require.Equal(t, []any{2, "answer of run-tests"}, []any{r.Runs[0].Step, r.Runs[0].Field}, r.Runs[0].Diverges)
	change(func(run *agent.Run, now *hotfix.Case) {
		run.Steps[1].Calls[0].Result = was
		now.Latest.Message = redact.Scrub("TypeError: something else")
	})
	status, r = call(string(c.Fingerprint), "--repo", clone)
	require.Equal(t, exitDiverges, status)
	require.Equal(t, "prompt", r.Runs[0].Field, r.Runs[0].Diverges)
	require.Contains(t, r.Runs[0].Diverges, "something else")
}
