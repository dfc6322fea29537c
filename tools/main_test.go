package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	flag.Parse()
	if err := os.Setenv("GITHUB_TOKEN", canary); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// native is the box that the daemon uses.
var native = sync.OnceValues(func() (sandbox.Box, error) { return sandbox.Native(sandbox.Config{}) })

// divide is a plugin that divides by zero.
var divide = map[string]string{
	"go.mod": "module example.com/plugin\n\ngo 1.24\n",
	"ratio.go": "package plugin\n\n// Ratio says how often b goes into a.\nfunc Ratio(a, b int) int {\n\treturn a / b\n}\n\n" +
		"// Half is half of a.\nfunc Half(a int) int {\n\treturn Ratio(a, 2)\n}\n",
	"ratio_test.go": "package plugin\n\nimport \"testing\"\n\nfunc TestRatio(t *testing.T) {\n\tif Ratio(6, 3) != 2 {\n\t\tt.Fatal(\"6/3\")\n\t}\n}\n",
	"README.md":     "# A plugin\n",
}

const zeroTest = "package plugin\n\nimport \"testing\"\n\nfunc TestZero(t *testing.T) {\n\tif Ratio(6, 0) != 0 {\n\t\tt.Fatal(\"6/0\")\n\t}\n}\n"

// bench lays out a bench over a repository of files, with a box, a log and a policy that allows everything.
func bench(t *testing.T, files map[string]string) *tools.Bench {
	t.Helper()
	box, err := native()
	require.NoError(t, err)
	return cloned(t, &tools.Bench{
		Logs: func(context.Context) (redact.Text, error) {
			return redact.Scrub("start\npanic: runtime error: integer divide by zero\n"), nil
		},
		Box:      box,
		Commands: true,
		Vet:      func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason { return nil },
		Open:     func(context.Context, tools.Draft) (int, error) { return 7, nil },
	}, origin(t, files))
}

// cloned lets b clone the repository at url.
func cloned(t *testing.T, b *tools.Bench, url string) *tools.Bench {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "attempt")
	b.Clone = func(ctx context.Context) (*sandbox.Tree, error) {
		return sandbox.Clone(ctx, sandbox.Source{URL: url}, dir)
	}
	return b
}

// origin makes a repository of one commit.
func origin(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	_, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: "refs/heads/main"}})
	require.NoError(t, err)
	for name, data := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644))
	}
	commit(t, dir)
	return dir
}

// commit commits all that a repository holds.
func commit(t *testing.T, dir string) {
	t.Helper()
	r, err := git.PlainOpen(dir)
	require.NoError(t, err)
	w, err := r.Worktree()
	require.NoError(t, err)
	require.NoError(t, w.AddWithOptions(&git.AddOptions{All: true}))
	by := &object.Signature{Name: "Someone", Email: "someone@example.com", When: time.Unix(1_700_000_000, 0).UTC()}
	_, err = w.Commit("feat: a plugin\n\nbody", &git.CommitOptions{Author: by})
	require.NoError(t, err)
}

// use makes one call as the loop would.
func use(t *testing.T, b *tools.Bench, tool string, args any) (agent.Result, error) {
	t.Helper()
	raw, ok := args.(string)
	if !ok {
		data, err := json.Marshal(args)
		require.NoError(t, err)
		raw = string(data)
	}
	for _, bound := range tools.On(b, tools.All) {
		if bound.Definition().Name == tool {
			return bound.Call(t.Context(), json.RawMessage(raw))
		}
	}
	t.Fatalf("%s is not on the bench", tool)
	return agent.Result{}, nil
}

// works makes a call that must work.
func works(t *testing.T, b *tools.Bench, tool string, args any) agent.Result {
	t.Helper()
	r, err := use(t, b, tool, args)
	require.NoError(t, err)
	return r
}

// says makes a call that must be a mistake, and returns what the model is told.
func says(t *testing.T, b *tools.Bench, tool string, args any) string {
	t.Helper()
	_, err := use(t, b, tool, args)
	var m interface{ ForModel() string }
	require.True(t, errors.As(err, &m), "got %v, want a mistake", err)
	return m.ForModel()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// patch is the arguments of write-patch.
func patch(es ...map[string]any) map[string]any { return map[string]any{"edits": es} }

func edit(path, old, now string) map[string]any {
	return map[string]any{"path": path, "old": old, "new": now}
}

var fix = patch(edit("ratio.go", "\treturn a / b", "\tif b == 0 {\n\t\treturn 0\n\t}\n\treturn a / b"), edit("zero_test.go", "", zeroTest))

var proposal = map[string]any{"title": "return 0 for a ratio to nothing", "explanation": "Ratio divided by zero when nothing was counted. It now returns 0, as Half expects.", "risk": "Callers that relied on the panic."}
