package evals_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.Output()
	require.NoError(t, err, "git %v", args)
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
	}
}

// mirror is a repository with a bug, and a later commit that mends it. It returns the commit with the bug.
func mirror(t *testing.T, dir string) (base string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	git(t, dir, "init", "--quiet", "--initial-branch=main")
	write(t, dir, map[string]string{"go.mod": "module example.com/first\n\ngo 1.21\n",
		"first.go":      "// Package first takes the first word.\npackage first\n\nimport \"strings\"\n\n// Word returns the first word of s.\nfunc Word(s string) string { return strings.Fields(s)[0] }\n",
		"first_test.go": "package first\n\nimport \"testing\"\n\nfunc TestWord(t *testing.T) {\n\tif Word(\"a b\") != \"a\" {\n\t\tt.Fail()\n\t}\n}\n"})
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "--quiet", "-m", "first")
	base = git(t, dir, "rev-parse", "HEAD")
	write(t, dir, map[string]string{"first.go": "package first\n\n// the secret of the later fix\n"})
	git(t, dir, "commit", "--quiet", "-am", "the fix that nobody may see")
	return base
}

const testPatch = `diff --git a/first_empty_test.go b/first_empty_test.go
new file mode 100644
--- /dev/null
+++ b/first_empty_test.go
@@ -0,0 +1,9 @@
+package first
+
+import "testing"
+
+func TestEmpty(t *testing.T) {
+	if got := Word("  "); got != "" {
+		t.Errorf("Word = %q", got)
+	}
+}
`

// script writes a transcript by hand: what the model was shown is not compared.
func script(t *testing.T, calls ...map[string]any) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	require.NoError(t, enc.Encode(map[string]any{"version": 1, "model": "script"}))
	for _, c := range calls {
		require.NoError(t, enc.Encode(map[string]any{"calls": []any{c}}))
	}
	return b.Bytes()
}

func call(name string, args map[string]any) map[string]any {
	return map[string]any{"name": name, "arguments": args}
}

func TestADatasetIsImportedRunAndPredicted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	base := mirror(t, filepath.Join(dir, "mirrors", "acme__first"))
	line, err := json.Marshal(map[string]any{"instance_id": "acme__first-12", "repo": "acme/first", "base_commit": base, "patch": "", "test_patch": testPatch,
		"problem_statement": "panic: runtime error: index out of range [0] with length 0\n\nWord panics for a text without words.", "FAIL_TO_PASS": `["example.com/first.TestEmpty"]`,
		"PASS_TO_PASS": []string{"example.com/first.TestWord"}})
	require.NoError(t, err)
	instances, err := evals.ReadInstances(bytes.NewReader(line))
	require.NoError(t, err)

	path, err := evals.Import(context.Background(), instances[0], filepath.Join(dir, "mirrors"), filepath.Join(dir, "fixtures"))
	require.NoError(t, err)
	log := git(t, dir, "clone", "--quiet", "--bare", filepath.Join(path, "repo.bundle"), "peek.git") + git(t, filepath.Join(dir, "peek.git"), "log", "--all", "--format=%s")
	require.Equal(t, "first", log, "the history ends at the base commit")

	f, err := evals.Load(path)
	require.NoError(t, err)
	require.NoError(t, f.Set("model.jsonl", script(t, call("write-patch", map[string]any{"edits": []any{
		map[string]any{"path": "first.go", "old": "func Word(s string) string { return strings.Fields(s)[0] }", "new": "func Word(s string) string {\n\tfor _, w := range strings.Fields(s) {\n\t\treturn w\n\t}\n\treturn \"\"\n}"},
		map[string]any{"path": "none_test.go", "new": "package first\n\nimport \"testing\"\n\nfunc TestNone(t *testing.T) {\n\tif got := Word(\"\"); got != \"\" {\n\t\tt.Errorf(\"Word = %q\", got)\n\t}\n\tif got := Word(\" \\n\"); got != \"\" {\n\t\tt.Errorf(\"Word = %q\", got)\n\t}\n\tif got := Word(\" one two\"); got != \"one\" {\n\t\tt.Errorf(\"Word = %q\", got)\n\t}\n}\n"}}}),
		call("open-pr", map[string]any{"title": "Return no word of a text without words", "explanation": "Fields of a text without words is empty, and its first element was taken."}))))
	f, err = evals.Load(path)
	require.NoError(t, err)
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	r, err := evals.Run(context.Background(), f, evals.Options{Box: box})
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	require.True(t, r.Resolved)

	report := &evals.Report{Results: []*evals.Result{r}}
	predictions, err := report.Predictions("m", false)
	require.NoError(t, err)
	var p evals.Prediction
	require.NoError(t, json.Unmarshal(predictions, &p))
	require.Equal(t, "acme__first-12", p.ID)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.diff"), []byte(p.Patch), 0o644))
	git(t, dir, "clone", "--quiet", filepath.Join(dir, "peek.git"), "apply")
	git(t, filepath.Join(dir, "apply"), "apply", filepath.Join(dir, "p.diff"))
	multi, err := report.Predictions("m", true)
	require.NoError(t, err)
	require.Contains(t, string(multi), `"number":12,"org":"acme","repo":"first"`)
}

func TestInstancesOfTheOtherFormat(t *testing.T) {
	t.Parallel()
	got, err := evals.ReadInstances(strings.NewReader(`{"org":"o","repo":"r","number":3,"instance_id":"o__r-3","base":{"sha":"abc"},"fix_patch":"f","test_patch":"t","resolved_issues":[{"title":"T","body":"B"}],"f2p_tests":{"x":{}},"p2p_tests":{"y":{}}}`))
	require.NoError(t, err)
	require.Equal(t, "o/r", got[0].Repo)
	require.Equal(t, "abc", got[0].Commit)
	require.Equal(t, "T\nB\n", got[0].Problem)
	require.EqualValues(t, []string{"x"}, got[0].FailToPass)
	for _, bad := range []string{`{"instance_id":"../x","repo":"a/b","base_commit":"c"}`, `{"repo":"a/b"}`, `{"instance_id":"x","repo":"a/b","base_commit":"c","problem_statement":"p"}`, `nonsense`} {
		_, err := evals.ReadInstances(strings.NewReader(bad))
		require.Error(t, err, bad)
	}
}

func TestACapsuleBecomesAFixture(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)
	failure := hotfix.Failure{ID: "x-1", Plugin: hotfix.Plugin{ID: "acme/greet:compute.yml", Kind: "workflow", Repo: hotfix.Repo{Owner: "acme", Name: "greet"}, URL: "https://greet.acme.example"},
		Category: "workflow", Status: 503, Message: redact.Scrub("HTTP (target: https://greet.acme.example) 503: no healthy upstream"),
		Logs: []redact.Text{redact.Scrub("ERROR upstream")}, Trigger: hotfix.Trigger{Event: "issues.opened", Repo: hotfix.Repo{Owner: "acme", Name: "app"}, Number: 3, Actor: "mona"}, At: at}
	run := hotfix.Failure{ID: "x-2", Plugin: hotfix.Plugin{ID: "acme/greet", Kind: "ci", Repo: hotfix.Repo{Owner: "acme", Name: "greet"}, Ref: "abc"}, Category: "workflow",
		Message: redact.Scrub(`Workflow "CI" ended with "failure"`), Trigger: hotfix.Trigger{Event: "push", Repo: hotfix.Repo{Owner: "acme", Name: "greet"}, Actor: "mona"}, At: at,
		Run: &hotfix.WorkflowRun{ID: 4, Name: "CI", Conclusion: "failure", SHA: "abc", Branch: "main", URL: "https://github.com/acme/greet/actions/runs/4"}}
	for name, c := range map[string]struct {
		failure  hotfix.Failure
		settings string
		want     string
	}{"plugin": {failure, "{}", "report - because=transient"}, "run": {run, `{"allowWorkflowEvents":true,"modes":["issue"]}`, "report - because=fixes-off"}} {
		fp := triage.Fingerprint(c.failure)
		made := capsule.Of(hotfix.Case{Fingerprint: fp, Repo: c.failure.Plugin.Repo, Count: 4, First: at, Last: at, Latest: c.failure}, hotfix.Notice{Event: "kernel.plugin_error", Settings: json.RawMessage(c.settings)})
		path, err := evals.Export{Capsule: made, Name: name, Want: c.want, Into: t.TempDir()}.Write(context.Background())
		require.NoError(t, err, name)
		f, err := evals.Load(path)
		require.NoError(t, err, name)
		r, err := evals.Run(context.Background(), f, evals.Options{})
		require.NoError(t, err, name)
		require.Empty(t, r.Problems, name)
		require.Contains(t, r.Page.Texts["issue.md"], string(fp), "the fixture is the capsule's problem")
	}
	_, err := evals.Export{Capsule: capsule.Of(hotfix.Case{Latest: failure}, hotfix.Notice{}), Name: "x", Into: t.TempDir()}.Write(context.Background())
	require.ErrorContains(t, err, "right answer")
	_, err = evals.Export{Capsule: capsule.Of(hotfix.Case{Fingerprint: "v1-other", Latest: failure}, hotfix.Notice{}), Name: "x", Want: "report -", Into: t.TempDir()}.Write(context.Background())
	require.ErrorContains(t, err, "another problem")
}
