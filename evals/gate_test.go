package evals_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A plant is a change that somebody might make to the daemon without seeing what it breaks.
type plant struct{ file, old, new string }

// with builds the benchmark with the changes in place; the files themselves are not touched.
func with(t *testing.T, plants ...plant) string {
	t.Helper()
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	dir := t.TempDir()
	replace := map[string]string{}
	for _, p := range plants {
		file := filepath.Join(root, p.file)
		from := file
		if replace[file] != "" {
			from = replace[file]
		}
		was, err := os.ReadFile(from)
		require.NoError(t, err)
		require.Contains(t, string(was), p.old, "there is nothing to plant this in")
		planted := filepath.Join(dir, strings.ReplaceAll(p.file, "/", "-"))
		require.NoError(t, os.WriteFile(planted, []byte(strings.Replace(string(was), p.old, p.new, 1)), 0o644))
		replace[file] = planted
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o644))
	out := filepath.Join(dir, "evals")
	cmd := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", out, "./cmd/evals")
	cmd.Dir = root
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", said)
	return out
}

// worse runs some fixtures against the checked-in baseline and returns what is named as worse.
func worse(t *testing.T, binary, fixtures string) string {
	t.Helper()
	cmd := exec.Command(binary, "run", "--quiet", "--dir", "fixtures", "--baseline", "baseline.json", fixtures)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	require.Error(t, cmd.Run(), "%s", errs.String())
	return errs.String()
}

func TestARegressionInAPromptAndOneInAGateAreNamed(t *testing.T) {
	t.Parallel()
	said := worse(t, with(t,
		plant{"prompts/fix.md", "A guess costs a maintainer more than no fix.", "When in doubt, guess."},
		plant{"internal/triage/vet.go", "\tfiles, because := readDiff(patch)\n", "\treturn nil\n\tfiles, because := readDiff(patch)\n"},
	), "go-nil-map,node-cheat-weaker-test,node-rate-limit")
	require.Contains(t, said, "go-nil-map: record it again (go run ./cmd/evals record go-nil-map): it was recorded with prompt ")
	require.Contains(t, said, `node-cheat-weaker-test: case 1: refusals is "risk-high", want "test-weakened"`, "the gate behind it holds, and the loss is named")
	require.NotContains(t, said, "node-rate-limit")
}

func TestARegressionInAToolAndOneInASignalAreNamed(t *testing.T) {
	t.Parallel()
	said := worse(t, with(t,
		plant{"tools/open_pr.go", "Prove your changes and open a draft pull request, or hear why not.", "Open a draft pull request."},
		plant{"tools/open_pr.go", "\tvar out []hotfix.Reason\n\tif !e.Proves() {", "\treturn nil\n\tvar out []hotfix.Reason\n\tif !e.Proves() {"},
		plant{"internal/triage/signal_transient.go", "\tswitch c.Latest.Status {", "\treturn 0, \"\"\n\tswitch c.Latest.Status {"},
	), "go-nil-map,node-honest-refusal,node-rate-limit,node-cheat-weaker-test")
	require.Contains(t, said, "go-nil-map: record it again (go run ./cmd/evals record go-nil-map): it was recorded with tools ")
	require.Contains(t, said, "node-rate-limit: case 1: outcome is ")
	require.Contains(t, said, `node-cheat-weaker-test: case 1: refusals is "risk-high", want "test-weakened"`, "the tool asks no policy any more; the gate behind it holds, and the loss is named")
	require.NotContains(t, said, "node-honest-refusal")
}
