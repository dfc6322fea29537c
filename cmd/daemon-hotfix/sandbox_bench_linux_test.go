package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// hardened is bubblewrap with what its own manual offers against untrusted code.
var hardened = []string{"--unshare-all", "--unshare-user", "--cap-drop", "ALL", "--clearenv", "--die-with-parent", "--new-session", "--ro-bind", "/usr", "/usr",
	"--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
	"--setenv", "PATH", "/usr/bin"}

// sides are the ways to run a command on a directory: as it is, in bubblewrap, in our box.
func sides(b *testing.B, dir string) map[string]func(args ...string) {
	b.Helper()
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(b, err)
	return map[string]func(args ...string){
		"exec": func(args ...string) {
			c := exec.Command(args[0], args[1:]...)
			c.Dir = dir
			out, err := c.CombinedOutput()
			require.NoError(b, err, "%s", out)
		},
		"bwrap": func(args ...string) {
			out, err := exec.Command("bwrap", slices.Concat(hardened, []string{"--bind", dir, "/tree", "--chdir", "/tree"}, args)...).CombinedOutput()
			require.NoError(b, err, "%s", out)
		},
		"box": func(args ...string) {
			res, err := box.Run(context.Background(), &sandbox.Tree{Dir: dir}, sandbox.Command{Args: args})
			require.NoError(b, err)
			require.Equal(b, 0, res.Exit, res.Output)
		},
	}
}

// measure runs one command on each side in turn and reports the median, the 95th percentile and the ratio to exec.
func measure(b *testing.B, dir string, args ...string) {
	b.Helper()
	all, took := sides(b, dir), map[string][]float64{}
	for b.Loop() {
		for _, name := range []string{"exec", "bwrap", "box"} {
			began := time.Now()
			all[name](args...)
			took[name] = append(took[name], float64(time.Since(began).Microseconds())/1000)
		}
	}
	for name, times := range took {
		slices.Sort(times)
		b.ReportMetric(times[len(times)/2], name+"-p50-ms")
		b.ReportMetric(times[len(times)*95/100], name+"-p95-ms")
		b.ReportMetric(times[len(times)/2]/took["exec"][len(took["exec"])/2], name+"/exec")
	}
}

// BenchmarkStart is what a box costs beyond its command. It stands here since the first process of a box is the program
// that makes it, and this one links all that the daemon does.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("a"), 0o644))
	measure(b, dir, "true")
}

// BenchmarkSuite is a suite of real tests, with Node's own runner.
func BenchmarkSuite(b *testing.B) {
	dir := b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type": "module"}`), 0o644))
	for _, n := range []string{"a", "b", "c", "d", "e", "f"} {
		test := "import test from 'node:test';\nimport { createHash } from 'node:crypto';\nfor (let i = 0; i < 50; i++) test('hash ' + i, () => { let h = 'x'; for (let k = 0; k < 2000; k++) h = createHash('sha256').update(h).digest('hex'); });\n"
		require.NoError(b, os.WriteFile(filepath.Join(dir, n+".test.js"), []byte(test), 0o644))
	}
	measure(b, dir, "node", "--test")
}
