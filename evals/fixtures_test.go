package evals_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

func TestMain(m *testing.M) {
	programs, err := filepath.Abs("../.tools/bin") // Bun and Deno
	if err != nil {
		panic(err)
	}
	os.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	os.Exit(m.Run())
}

// TestFixtures plays every fixture. Where one ends in a pull request, the evidence in it is gathered anew.
func TestFixtures(t *testing.T) {
	t.Parallel()
	fixtures, err := evals.All("fixtures", "")
	require.NoError(t, err)
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	for _, f := range fixtures {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			r, err := evals.Run(context.Background(), f, evals.Options{Box: box, Verify: true})
			require.NoError(t, err)
			require.Empty(t, r.Problems)
			require.Zero(t, r.WrongPRs)
			requireHidden(t, f, r)
		})
	}
}

// TestLargeFixtures plays those that take long, since each proof builds a large repository many times. Evidence is not
// gathered anew: TestFixtures does it for the same code.
func TestLargeFixtures(t *testing.T) {
	t.Parallel()
	fixtures, err := evals.All("large", "")
	require.NoError(t, err)
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	for _, f := range fixtures {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			r, err := evals.Run(context.Background(), f, evals.Options{Box: box})
			require.NoError(t, err)
			require.Empty(t, r.Problems)
			require.Zero(t, r.WrongPRs)
			requireHidden(t, f, r)
		})
	}
}

// requireHidden looks that nothing of the judge's tests is in the repository, its past, or what the model was shown.
func requireHidden(t *testing.T, f *evals.Fixture, r *evals.Result) {
	shown, err := json.Marshal(r.Page.Cases)
	require.NoError(t, err)
	past := []map[string]string{f.Files}
	for _, files := range f.History {
		past = append(past, files)
	}
	var bundled []string
	if f.Bundle != "" {
		dir := t.TempDir()
		git(t, dir, "clone", "--quiet", "--bare", f.Bundle, ".")
		bundled = strings.Fields(git(t, dir, "log", "--all", "--name-only", "--format="))
		require.NotEmpty(t, bundled)
	}
	for path, text := range f.Judge {
		for _, files := range past {
			require.NotContains(t, files, path)
		}
		require.NotContains(t, bundled, path)
		for line := range strings.Lines(text) {
			if name := testName.FindString(line); name != "" {
				require.NotContains(t, string(shown), name, "the model saw a test of the judge")
			}
		}
	}
}

// testName finds what a test is called, in any of the languages.
var testName = regexp.MustCompile(`(?:func Test\w+|def test_\w+|test\("[^"]+")`)

// TestAgainIsTheSame plays fixtures of every kind that has something of its own to be told apart by: time, order,
// chance, other machines.
func TestAgainIsTheSame(t *testing.T) {
	t.Parallel()
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	for _, name := range []string{"node-environment-unusable", "node-restart", "node-outage-five-plugins", "node-hostile-repository", "py-secrets-in-log", "ci-three-events", "bun-burst"} {
		f, err := evals.Load("fixtures/" + name + ".txtar")
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var digests []string
			for range 2 {
				r, err := evals.Run(context.Background(), f, evals.Options{Box: box})
				require.NoError(t, err)
				digests = append(digests, r.Digest)
			}
			require.Equal(t, digests[0], digests[1])
		})
	}
}
