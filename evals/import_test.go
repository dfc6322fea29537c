package evals_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
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

// mirror makes a bare mirror of a repository: one commit for each set of files. It returns the commits.
func mirror(t *testing.T, dir string, commits ...map[string]string) (hashes []string) {
	t.Helper()
	work := t.TempDir()
	git(t, work, "init", "--quiet", "--initial-branch=main")
	for i, files := range commits {
		write(t, work, files)
		git(t, work, "add", "-A")
		git(t, work, "commit", "--quiet", "-m", fmt.Sprintf("commit %d", i+1))
		hashes = append(hashes, git(t, work, "rev-parse", "HEAD"))
	}
	git(t, work, "clone", "--quiet", "--bare", work, dir)
	return hashes
}

var firstGo = map[string]string{"go.mod": "module example.com/first\n\ngo 1.21\n",
	"first.go":      "// Package first takes the first word.\npackage first\n\nimport \"strings\"\n\n// Word returns the first word of s.\nfunc Word(s string) string { return strings.Fields(s)[0] }\n",
	"first_test.go": "package first\n\nimport \"testing\"\n\nfunc TestWord(t *testing.T) {\n\tif Word(\"a b\") != \"a\" {\n\t\tt.Fail()\n\t}\n}\n"}

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

const pythonTestPatch = `diff --git a/tests/test_words.py b/tests/test_words.py
--- a/tests/test_words.py
+++ b/tests/test_words.py
@@ -6,3 +6,6 @@
 class Words(unittest.TestCase):
     def test_counts(self):
         self.assertEqual(count("a b"), 2)
+
+    def test_nothing(self):
+        self.assertEqual(count(None), 0)
`

// dataset is three instances over two mirrors, in two languages, as JSON lines.
func dataset(t *testing.T, mirrors string) []byte {
	first := mirror(t, filepath.Join(mirrors, "acme__first"), firstGo, map[string]string{"first.go": "package first\n\n// the secret of the later fix\n"})
	words := mirror(t, filepath.Join(mirrors, "acme", "words.git"),
		map[string]string{"pyproject.toml": "[project]\nname = \"words\"\nversion = \"1\"\n", "words/__init__.py": "def count(text):\n    return len(text.split())\n",
			"tests/test_words.py": "import unittest\n\nfrom words import count\n\n\nclass Words(unittest.TestCase):\n    def test_counts(self):\n        self.assertEqual(count(\"a b\"), 2)\n"},
		map[string]string{"words/__init__.py": "def count(text):\n    words = text.split()\n    return len(words)\n"}, map[string]string{"words/__init__.py": "def count(text):\n    return len((text or \"\").split())\n"})
	var lines bytes.Buffer
	for _, row := range []map[string]any{
		{"instance_id": "acme__first-12", "repo": "acme/first", "base_commit": first[0], "patch": "", "test_patch": testPatch, "version": "1.0", "hints_text": "", "created_at": "2026-03-01T10:00:00Z",
			"problem_statement": "panic: runtime error: index out of range [0] with length 0\n\nWord panics for a text without words.",
			"FAIL_TO_PASS":      []string{"example.com/first.TestEmpty"}, "PASS_TO_PASS": []string{"TestWord"}},
		{"instance_id": "acme__words-3", "repo": "acme/words", "base_commit": words[0], "test_patch": pythonTestPatch, "problem_statement": "count(None) fails",
			"FAIL_TO_PASS": `["tests/test_words.py::Words::test_nothing"]`, "PASS_TO_PASS": `["tests/test_words.py::Words::test_counts"]`},
		{"instance_id": "acme__words-9", "repo": "acme/words", "base_commit": words[1], "test_patch": pythonTestPatch, "problem_statement": "AttributeError: 'NoneType' object has no attribute 'split'",
			"FAIL_TO_PASS": `["tests/test_words.py::Words::test_nothing"]`, "PASS_TO_PASS": ""},
	} {
		require.NoError(t, json.NewEncoder(&lines).Encode(row))
	}
	return lines.Bytes()
}

// imported are the instances of a dataset as fixtures.
func imported(t *testing.T, dir string) []*evals.Fixture {
	instances, err := evals.ReadInstances(bytes.NewReader(dataset(t, filepath.Join(dir, "mirrors"))))
	require.NoError(t, err)
	for _, i := range instances {
		path, err := evals.Import(context.Background(), i, filepath.Join(dir, "mirrors"), filepath.Join(dir, "fixtures"))
		require.NoError(t, err)
		commits := git(t, dir, "clone", "--quiet", "--bare", filepath.Join(path, "repo.bundle"), "peek.git") + git(t, filepath.Join(dir, "peek.git"), "log", "--all", "--format=%H")
		require.Equal(t, i.Commit, strings.Split(commits, "\n")[0], "the history ends at the base commit")
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "peek.git")))
	}
	fixtures, err := evals.All(filepath.Join(dir, "fixtures"), "")
	require.NoError(t, err)
	return fixtures
}

func TestADatasetIsImportedRunAndPredicted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f := imported(t, dir)[0]
	require.NoError(t, f.Set("model.jsonl", script(t, call("write-patch", map[string]any{"edits": []any{
		map[string]any{"path": "first.go", "old": "func Word(s string) string { return strings.Fields(s)[0] }", "new": "func Word(s string) string {\n\tfor _, w := range strings.Fields(s) {\n\t\treturn w\n\t}\n\treturn \"\"\n}"},
		map[string]any{"path": "none_test.go", "new": "package first\n\nimport \"testing\"\n\nfunc TestNone(t *testing.T) {\n\tif got := Word(\"\"); got != \"\" {\n\t\tt.Errorf(\"Word = %q\", got)\n\t}\n\tif got := Word(\" \\n\"); got != \"\" {\n\t\tt.Errorf(\"Word = %q\", got)\n\t}\n\tif got := Word(\" one two\"); got != \"one\" {\n\t\tt.Errorf(\"Word = %q\", got)\n\t}\n}\n"}}}),
		call("open-pr", map[string]any{"title": "Return no word of a text without words", "explanation": "Fields of a text without words is empty, and its first element was taken."}))))
	f, err := evals.Load(f.Path)
	require.NoError(t, err)
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	r, err := evals.Run(context.Background(), f, evals.Options{Box: box})
	require.NoError(t, err)
	require.Empty(t, r.Problems)
	require.True(t, r.Resolved)

	report := &evals.Report{Results: []*evals.Result{r, {Name: "acme__words-3"}}}
	lines, err := report.Predictions("m", false)
	require.NoError(t, err)
	require.Regexp(t, `^\{"instance_id":"acme__first-12","model_name_or_path":"m","model_patch":"diff --git [^\n]+\}\n\{"instance_id":"acme__words-3","model_name_or_path":"m","model_patch":""\}\n$`, string(lines))
	multi, err := report.Predictions("m", true)
	require.NoError(t, err)
	require.Contains(t, string(multi), `"number":12,"org":"acme","repo":"first"`)
	ours, err := evals.ReadPredictions(bytes.NewReader(lines))
	require.NoError(t, err)
	again, err := evals.ReadPredictions(bytes.NewReader(multi))
	require.NoError(t, err)
	require.Equal(t, ours[0].Patch, again[0].Patch)
	require.Equal(t, ours[0].ID, again[0].ID)
	j, err := evals.JudgePredictions(context.Background(), []*evals.Fixture{f}, ours[:1], box)
	require.NoError(t, err)
	require.Equal(t, []string{"acme__first-12"}, j.Resolved)
}

// wordsPatch changes what count returns in the second commit of words.
func wordsPatch(to string) string {
	return "diff --git a/words/__init__.py b/words/__init__.py\n--- a/words/__init__.py\n+++ b/words/__init__.py\n@@ -1,3 +1,3 @@\n def count(text):\n-    words = text.split()\n+    words = " + to + "\n     return len(words)\n"
}

func TestPredictionsOfOthersAreJudged(t *testing.T) {
	t.Parallel()
	fixtures := imported(t, t.TempDir())
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	judge := func(predictions ...evals.Prediction) *evals.Judgement {
		j, err := evals.JudgePredictions(context.Background(), fixtures, predictions, box)
		require.NoError(t, err)
		return j
	}
	j := judge(evals.Prediction{ID: "acme__first-12"}, evals.Prediction{ID: "acme__words-3", Patch: wordsPatch("[]")}, evals.Prediction{ID: "acme__words-9", Patch: wordsPatch(`(text or "").split()`)})
	require.Equal(t, []int{3, 3}, []int{j.Total, j.Submitted})
	require.Equal(t, [][]string{{"acme__words-9"}, nil, {"acme__first-12"}, {"acme__words-3"}, nil}, [][]string{j.Resolved, j.Unresolved, j.Empty, j.Failed, j.Missing})
	require.Contains(t, j.Because["acme__words-3"], "does not apply", "it is made for a later commit")

	j = judge(evals.Prediction{ID: "acme__words-9", Patch: wordsPatch("text.split() if text else [None]")})
	require.Equal(t, []string{"acme__words-9"}, j.Unresolved)
	require.Equal(t, []string{"acme__first-12", "acme__words-3"}, j.Missing)
	require.Contains(t, j.Because["acme__words-9"], "tests/test_words.py::Words::test_nothing (fail-to-pass, fail)")

	for want, bad := range map[string][]evals.Prediction{"predicted twice": {{ID: "acme__words-9"}, {ID: "acme__words-9"}}, "no fixture nobody__x-1": {{ID: "nobody__x-1"}}} {
		_, err := evals.JudgePredictions(context.Background(), fixtures, bad, box)
		require.ErrorContains(t, err, want)
	}
}

func TestInstancesOfTheOtherFormat(t *testing.T) {
	t.Parallel()
	got, err := evals.ReadInstances(strings.NewReader(`{"org":"o","repo":"r","number":3,"instance_id":"o__r-3","base":{"sha":"abc"},"fix_patch":"f","test_patch":"t","resolved_issues":[{"title":"T","body":"B"}],"f2p_tests":{"x":{}},"p2p_tests":{"y":{}}}`))
	require.NoError(t, err)
	require.Equal(t, "o/r", got[0].Repo)
	require.Equal(t, "abc", got[0].Commit)
	require.Equal(t, "T\nB\n", got[0].Problem)
	require.EqualValues(t, []string{"x"}, got[0].FailToPass)
	_, err = evals.ReadInstances(strings.NewReader(`{"instance_id":"../x","repo":"a/b","base_commit":"c"}` + "\n\n" + `{"repo":"a/b"}` + "\nnonsense\n" +
		`{"instance_id":"x","repo":"a/b","base_commit":"c","problem_statement":"p","FAIL_TO_PASS":"[1"}` + "\n" + `{"instance_id":"x","repo":"a/b","base_commit":"c","problem_statement":"p"}`))
	require.EqualError(t, err, "line 1: instance_id \"../x\" is no file name\nline 3: instance_id, repo and base_commit are required\n"+
		"line 4: invalid character 'o' in literal null (expecting 'u')\nline 5: \"[1\" is neither a list of tests nor a string that holds one\n"+
		"line 6: without test_patch and FAIL_TO_PASS nothing can be judged")
	_, err = evals.ReadPredictions(strings.NewReader(`{"model_patch":"x"}`))
	require.EqualError(t, err, "line 1: instance_id is required")
}
