package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

var ratioFiles = map[string]string{
	"package.json":       `{"name":"ratio","version":"1.0.0","type":"module","private":true,"scripts":{"test":"node --test"}}` + "\n",
	"src/ratio.js":       "export function ratio(part, whole) {\n  return part.size / whole;\n}\n",
	"test/ratio.test.js": "import assert from \"node:assert/strict\";\nimport { test } from \"node:test\";\nimport { ratio } from \"../src/ratio.js\";\n\ntest(\"ratio\", () => assert.equal(ratio({ size: 1 }, 2), 0.5));\n",
}

// ratioDir writes the files to a new directory, and commits them if asked to.
func ratioDir(t *testing.T, commit bool) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range ratioFiles {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644))
	}
	if commit {
		r, err := git.PlainInit(dir, false)
		require.NoError(t, err)
		w, err := r.Worktree()
		require.NoError(t, err)
		require.NoError(t, w.AddWithOptions(&git.AddOptions{All: true}))
		_, err = w.Commit("first", &git.CommitOptions{Author: &object.Signature{Name: "a", Email: "a@example.com", When: time.Unix(1, 0)}})
		require.NoError(t, err)
	}
	return dir
}

func asks(tool string, args any) modeltest.Reply {
	data, err := json.Marshal(args)
	if err != nil {
		panic(err) // the arguments are the test's own
	}
	return modeltest.Reply{Calls: []modeltest.Call{{ID: "call-" + tool, Name: tool, Args: string(data)}}, In: 100, Out: 10}
}

type edits = []map[string]any

func patchOf(e edits) modeltest.Reply { return asks("write-patch", map[string]any{"edits": e}) }

var (
	mend   = map[string]any{"path": "src/ratio.js", "old": "part.size / whole", "new": "(part?.size ?? 0) / whole"}
	prove  = map[string]any{"path": "test/null.test.js", "new": "import assert from \"node:assert/strict\";\nimport { test } from \"node:test\";\nimport { ratio } from \"../src/ratio.js\";\n\ntest(\"no part\", () => {\n  assert.equal(ratio(null, 2), 0);\n  assert.equal(ratio({ size: 4 }, 2), 2);\n  assert.equal(ratio({ size: 0 }, 2), 0);\n});\n"}
	always = map[string]any{"path": "test/null.test.js", "new": "import { test } from \"node:test\";\n\ntest(\"nothing\", () => {});\n"}
	draft  = asks("open-pr", map[string]any{"title": "treat a missing part as empty", "explanation": "The part may be null, and its size was read without asking first."})
	quit   = asks("give-up", map[string]any{"reason": "needs-a-decision", "explanation": "Nobody says what a missing part counts as."})
)

const ratioSignal = "TypeError: Cannot read properties of null (reading 'size')\n    at ratio (src/ratio.js:2:15)\n"

// tryFix runs the command against a model that gives these replies.
func tryFix(t *testing.T, args []string, replies ...modeltest.Reply) (status int, out, errs string) {
	t.Helper()
	server := modeltest.OpenAI(replies...)
	t.Cleanup(server.Close)
	t.Setenv("OPENAI_BASE_URL", server.URL)
	t.Setenv("HOTFIX_MODEL", "openai:scripted")
	var stdout, stderr bytes.Buffer
	status = fixStatus(t.Context(), args, streams{In: strings.NewReader(ratioSignal), Out: &stdout, Err: &stderr})
	return status, stdout.String(), stderr.String()
}

func fixStatus(ctx context.Context, args []string, std streams) int {
	return run(ctx, append([]string{"fix"}, args...), std)
}

func TestFixProvesAPatch(t *testing.T) {
	dir, out := ratioDir(t, true), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "note.txt"), []byte("mine"), 0o644))
	file := func(name string) string { return filepath.Join(out, name) }
	status, stdout, stderr := tryFix(t, []string{"--repo", dir, "--signal", "-", "--json", "--out", file("p.diff"), "--transcript", file("run.json"),
		"--evidence", file("e.json")}, patchOf(edits{mend, prove}), draft)
	require.Zero(t, status, stderr)
	var report fixReport
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	require.Equal(t, "patch", report.Outcome)
	require.Equal(t, 2, report.Steps)
	require.Equal(t, 220, report.Tokens)
	require.True(t, report.Evidence.Proves())
	patch, err := os.ReadFile(file("p.diff"))
	require.NoError(t, err)
	require.Equal(t, report.Patch, string(patch))
	require.Contains(t, string(patch), "+  return (part?.size ?? 0) / whole;")
	require.Contains(t, stderr, "1 changed file is not committed and not used")
	require.Contains(t, stderr, "step 1: write-patch; 110 tokens so far")
	data, err := os.Open(file("run.json"))
	require.NoError(t, err)
	defer data.Close()
	ran, err := agent.ReadTranscript(data)
	require.NoError(t, err)
	require.Equal(t, agent.Finished, ran.Run.Stop)
	require.Equal(t, tools.Hash(tools.All), ran.Tools)
	require.FileExists(t, file("e.json"))
	now, err := os.ReadFile(filepath.Join(dir, "src/ratio.js"))
	require.NoError(t, err)
	require.Equal(t, ratioFiles["src/ratio.js"], string(now), "the user's own files are only read")
}

func TestFixEndsWithoutAPatch(t *testing.T) {
	dir := ratioDir(t, true)
	for _, c := range []struct {
		name    string
		args    []string
		replies []modeltest.Reply
		status  int
		says    string
	}{
		{name: "given up", args: []string{"--signal", "-"}, replies: []modeltest.Reply{quit}, status: 3, says: "no patch: no-fix (needs-a-decision)"},
		{name: "over budget", args: []string{"--signal", "-", "--steps", "1"}, replies: []modeltest.Reply{asks("list-files", map[string]any{})}, status: 3, says: "no patch: over-budget"},
		{name: "refused", args: []string{"--signal", "-", "--steps", "2"}, replies: []modeltest.Reply{patchOf(edits{mend, always}), draft}, status: 3, says: "passes without the patch"},
		{name: "the command passes", args: []string{"--test", "node --test"}, status: 3, says: "already-fixed"},
		{name: "broken model", args: []string{"--signal", "-"}, replies: []modeltest.Reply{{Status: 401, Message: "no such key"}}, status: 1, says: "401"},
		{name: "no such command", args: []string{"--test", "no-such-program"}, status: 1, says: "could not be started"},
		{name: "nothing failed", status: 1, says: "either with --signal FILE or with --test CMD"},
		{name: "no such ref", args: []string{"--signal", "-", "--ref", "gone"}, status: 1, says: `no branch, tag or commit "gone"`},
		{name: "no such file", args: []string{"--signal", "gone.json"}, status: 1, says: "--signal: open gone.json"},
		{name: "both", args: []string{"--signal", "-", "--test", "x"}, status: 2, says: "can't be used together"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, out, stderr := tryFix(t, append([]string{"--repo", dir}, c.args...), c.replies...)
			require.Equal(t, c.status, status, stderr)
			require.Contains(t, stderr, c.says)
			require.Empty(t, out)
		})
	}
}

func TestFixOfACommandInFilesWithoutGit(t *testing.T) {
	dir := ratioDir(t, false)
	command := `node -e "import('./src/ratio.js').then(m => m.ratio(null, 2))"`
	status, out, stderr := tryFix(t, []string{"--repo", dir, "--test", command}, patchOf(edits{mend, prove}), draft)
	require.Zero(t, status, stderr)
	require.True(t, strings.HasPrefix(out, "diff --git "), out)
	require.Contains(t, stderr, "is in no git repository: a copy of its files is used")
	require.NoFileExists(t, filepath.Join(dir, ".git"))
}

func TestFixWithoutAModel(t *testing.T) {
	for _, name := range []string{"OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY",
		"OLLAMA_HOST", "UOS_AI_URL", "UOS_AI_BASE_URL", "UOS_AI_TOKEN", "HOTFIX_MODEL"} {
		t.Setenv(name, "")
	}
	var out, errs bytes.Buffer
	status := fixStatus(t.Context(), []string{"--repo", t.TempDir(), "--test", "false"}, streams{Out: &out, Err: &errs})
	require.Equal(t, 1, status)
	require.Contains(t, errs.String(), "no model is configured: set OPENAI_API_KEY")
}

func TestFixInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := modeltest.OpenAI(modeltest.Reply{Do: func(modeltest.Request) modeltest.Reply {
		cancel()
		return modeltest.Reply{Hang: true}
	}})
	t.Cleanup(server.Close)
	t.Setenv("OPENAI_BASE_URL", server.URL)
	t.Setenv("HOTFIX_MODEL", "openai:scripted")
	t.Setenv("TMPDIR", t.TempDir())
	var out, errs bytes.Buffer
	status := fixStatus(ctx, []string{"--repo", ratioDir(t, true), "--signal", "-"}, streams{In: strings.NewReader(ratioSignal), Out: &out, Err: &errs})
	require.Equal(t, 130, status)
	require.Contains(t, errs.String(), "interrupted")
	left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "hotfix-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestReadSignal(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	failure := kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: "acme", Repo: "ratio", Ref: "main"}, Message: "boom at src/ratio.js", At: now.Add(-48 * time.Hour)}
	payload, err := json.Marshal(failure.Payload())
	require.NoError(t, err)
	signed := kerneltest.PluginError(kerneltest.NewKey(), failure, kerneltest.Fields{Now: now.Add(-24 * time.Hour)})
	ci := `{"action":"completed","repository":{"name":"ratio","owner":{"login":"acme"}},"workflow_run":{"id":7,"name":"CI","conclusion":"%s","head_sha":"0123456789012345678901234567890123456789"}}`
	for _, c := range []struct{ name, in, repo, message, fails string }{
		{name: "payload", in: string(payload), repo: "acme/ratio", message: "boom at src/ratio.js"},
		{name: "stale request signed by anybody", in: string(signed), repo: "acme/ratio", message: "boom at src/ratio.js"},
		{name: "whole request", in: "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\r\n" + string(signed), repo: "acme/ratio", message: "boom at src/ratio.js"},
		{name: "run of GitHub", in: strings.Replace(ci, "%s", "failure", 1), repo: "acme/ratio", message: `Workflow "CI" ended with "failure"`},
		{name: "run that succeeded", in: strings.Replace(ci, "%s", "success", 1), fails: "The run succeeded."},
		{name: "text", in: ratioSignal, message: strings.TrimSpace(ratioSignal)},
		{name: "a log line in JSON", in: `{"level":"error","msg":"boom"}`, message: `{"level":"error","msg":"boom"}`},
		{name: "nothing", in: " \n", fails: "the signal is empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f, err := readSignal([]byte(c.in), now)
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.message, f.Message.String())
			require.Equal(t, c.repo, f.Plugin.Repo.String())
		})
	}
}
