package evals_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

func TestMain(m *testing.M) {
	sandbox.Reexec()
	programs, err := filepath.Abs("../.tools/bin") // Bun and Deno
	if err != nil {
		panic(err)
	}
	os.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	os.Exit(m.Run())
}

func TestFixtures(t *testing.T) {
	t.Parallel()
	fixtures, err := evals.All("fixtures", "")
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
		})
	}
}
