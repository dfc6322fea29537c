package sandbox_test

import (
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// backends are all there are, with the program that each needs.
var backends = []struct{ name, program string }{{sandbox.NativeBackend, ""}, {sandbox.Bubblewrap, "bwrap"}, {sandbox.GVisor, "runsc"}}

// Each backend holds what it runs and does what a box must do. Where a program is not installed, asking for its backend
// is refused: there is no weaker one in its place.
func TestBackends(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			box, err := sandbox.Native(sandbox.Config{Backend: b.name})
			if _, missing := exec.LookPath(b.program); b.program != "" && missing != nil {
				require.ErrorContains(t, err, b.program+" is not installed")
				return
			}
			require.NoError(t, err)
			tree := plant(t, map[string]string{"a.txt": "hello\n", "sub/b.txt": "b\n"})
			res, err := box.Run(context.Background(), tree, sandbox.Command{Keep: true, Args: []string{"sh", "-c", "cat a.txt sub/b.txt; id -un; pwd; echo new >c.txt; exit 3"}})
			require.NoError(t, err)
			require.Equal(t, 3, res.Exit, res.Output)
			require.Equal(t, "hello\nb\nplugin\n/tree\n", res.Output.String())
			require.Equal(t, []string{"c.txt"}, res.Changed)
			require.Equal(t, b.name, res.Backend)
			run, err := sandbox.Test(context.Background(), box, plant(t, nodePlugin), plant(t, nodePlugin).Toolchain(), "")
			require.NoError(t, err)
			require.True(t, run.Passed, run.Output)
		})
	}
	_, err := sandbox.Native(sandbox.Config{Backend: "none"})
	require.ErrorContains(t, err, `there is no backend "none"`)
}
