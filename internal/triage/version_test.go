package triage

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// pinned are failures whose fingerprints a version promises: one of each group of the development data, and what rules were
// changed for.
func pinned(t *testing.T) []hotfix.Failure {
	t.Helper()
	seen := map[string]bool{}
	var out []hotfix.Failure
	for _, r := range readLabelled(t, "testdata/grouping-dev.jsonl") {
		if !seen[r.Group] {
			seen[r.Group] = true
			out = append(out, r.failure())
		}
	}
	for _, text := range []string{"S3ServiceException: Access Denied (RequestId: b52dc2bb6aafbd20)", "S3ServiceException: Access Denied (RequestId: 24f633ef2bf1d25d)",
		"No commits between development and feat-x402", "A pull request already exists for acme-labs:codex-loop-3f2.", "--- FAIL: TestSettle (4.5s)\n    settle_test.go:24: got 448, want 4275"} {
		out = append(out, failed(text))
	}
	run := failed("Process completed with exit code 1.")
	run.Run = &hotfix.WorkflowRun{ID: 1, Name: "CI"}
	run.Logs = texts("Run bun test\nTypeError: x.labels is not iterable\n    at sum (/home/runner/work/greet/greet/src/sum.ts:3:4)\n##[error]Process completed with exit code 1.")
	return append(out, run)
}

// ended is a failed run by whose message alone the first rules knew it.
func ended() hotfix.Failure {
	f := failed("workflow CI ended with failure")
	f.Run = &hotfix.WorkflowRun{ID: 1, Name: "CI"}
	f.Logs = texts("Run bun test\nTypeError: x.labels is not iterable\n    at sum (/home/runner/work/greet/greet/src/sum.ts:3:4)\n##[error]Process completed with exit code 1.")
	return f
}

var pin = flag.Bool("pin", false, "write the keys of a new version down, which is done once")

// keysOf is the file that pins the fingerprints of a version. -pin writes it when there is none yet, and never again.
func keysOf(t *testing.T, of ruleset, failures []hotfix.Failure) []string {
	t.Helper()
	path := fmt.Sprintf("testdata/fingerprints-%s.txt", of)
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && *pin {
		var b strings.Builder
		for _, f := range failures {
			fmt.Fprintln(&b, Fingerprint(f))
		}
		raw = []byte(b.String())
		require.NoError(t, os.WriteFile(path, raw, 0o600))
	}
	require.NotEmpty(t, raw, "no keys of version %s are written down: run this test with -pin once, and commit the file", of)
	keys := strings.Fields(string(raw))
	require.Len(t, keys, len(failures), "%s is of other failures", path)
	return keys
}

func TestFingerprint_ofItsVersion(t *testing.T) {
	t.Parallel()
	failures := pinned(t)
	for i, want := range keysOf(t, version, failures) {
		require.Equal(t, want, string(Fingerprint(failures[i])), "%q has another fingerprint than %s gives it: cases would get a second issue. "+
			"Give the rules a new version, and keep what they were for Aliases.", failures[i].Message, version)
	}
}

func TestAliases_ofTheVersionBefore(t *testing.T) {
	t.Parallel()
	failures := pinned(t)
	for i, key := range keysOf(t, rules1, failures) {
		require.Contains(t, Aliases(failures[i]), hotfix.Fingerprint(key), "%q", failures[i].Message)
	}
	for _, key := range Aliases(ended()) {
		require.NotRegexp(t, "^v1-", string(key), "it stood for every failure of the workflow")
	}
}
