package sandbox_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

func TestMain(m *testing.M) {
	makeAttempts()
	programs, err := filepath.Abs("../.tools/bin") // Bun and Deno
	if err != nil {
		panic(err)
	}
	os.Setenv("PATH", programs+":"+os.Getenv("PATH"))
	os.Exit(m.Run())
}

// ours is the box of this machine, probed once.
var ours = sync.OnceValues(func() (sandbox.Box, error) { return sandbox.Native(sandbox.Config{}) })

// native returns the box of this machine.
func native(t *testing.T) sandbox.Box {
	t.Helper()
	box, err := ours()
	require.NoError(t, err)
	return box
}

// sh runs a shell script in a box.
func sh(t *testing.T, tree *sandbox.Tree, script string) sandbox.Result {
	t.Helper()
	res, err := native(t).Run(context.Background(), tree, sandbox.Command{Args: []string{"sh", "-c", script}, Timeout: 20 * time.Second})
	require.NoError(t, err)
	return res
}

func TestNativeRuns(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "hello\n", "sub/b.txt": "b\n"})
	res := sh(t, tree, "cat a.txt sub/b.txt; id -un; pwd; echo changed >a.txt; echo new >c.txt; exit 3")
	require.Equal(t, 3, res.Exit)
	require.Equal(t, sandbox.Exited, res.Cause)
	require.Equal(t, "hello\nb\nplugin\n/tree\n", res.Output.String())
	require.Subset(t, res.Enforced, []string{"capabilities", "deadline", "namespaces", "network", "root", "seccomp", "user"})
	text, err := tree.Read("a.txt")
	require.NoError(t, err)
	require.Equal(t, "hello\n", text, "the box had a copy")
	require.False(t, tree.Has("c.txt"))
}

func TestNativeEnds(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "hello\n"})
	for _, c := range []struct {
		name, script, cause string
		exit                int
	}{
		{"by itself", "exit 7", sandbox.Exited, 7},
		{"by a signal", "kill -SEGV $$", sandbox.Killed, 139},
		{"when its time is up", "sleep 60", sandbox.Timeout, 137},
		{"with its children", "(sleep 60; echo late) & exit 5", sandbox.Exited, 5},
		{"when it writes without end", "yes | head -c 200000000", sandbox.Flood, 137},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			res, err := native(t).Run(context.Background(), tree, sandbox.Command{Args: []string{"sh", "-c", c.script}, Timeout: 4 * time.Second})
			require.NoError(t, err)
			require.Equal(t, c.cause, res.Cause)
			require.Equal(t, c.exit, res.Exit)
			require.Less(t, time.Since(began), 20*time.Second)
			require.LessOrEqual(t, len(res.Output.String()), 128<<10)
		})
	}
}

func TestNativeSaysWhatCannotStart(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "hello\n"})
	box := native(t)
	res, err := box.Run(context.Background(), tree, sandbox.Command{Args: []string{"no-such-program"}})
	require.NoError(t, err)
	require.Equal(t, 127, res.Exit)
	require.Equal(t, sandbox.Setup, res.Cause)
	require.Contains(t, res.Output.String(), "no such program in the box")

	_, err = box.Run(context.Background(), tree, sandbox.Command{})
	require.ErrorContains(t, err, "no command")
	_, err = box.Run(context.Background(), tree, sandbox.Command{Args: []string{"true"}, Dir: "../.."})
	require.ErrorContains(t, err, "not a directory of the tree")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = box.Run(ctx, tree, sandbox.Command{Args: []string{"true"}})
	require.ErrorIs(t, err, context.Canceled)
}

func TestOutputIsFitToBeRead(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "hello\n"})
	token := "ghs_" + fmt.Sprintf("%x", sha256.Sum256([]byte("token")))[:36]
	res := sh(t, tree, `printf '\033]0;title\007\033[31mred\033[0m\r\n::set-env name=X::y\n\342\200\256evil\n'; echo `+token[:10]+`""`+token[10:])
	out := res.Output.String()
	require.NotContains(t, out, "\x1b")
	require.NotContains(t, out, "\r")
	require.NotContains(t, out, "\n::")
	require.Contains(t, out, "red\n")
	require.Contains(t, out, "<U+202E>evil")
	require.NotContains(t, out, token)
}

func TestKeepTakesFilesOnly(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "a\n", "gone.txt": "gone\n", "same.txt": "same\n", "dir/x": "x\n"})
	require.NoError(t, os.Symlink("a.txt", tree.Dir+"/link"))
	res, err := native(t).Run(context.Background(), tree, sandbox.Command{Keep: true, Args: []string{"sh", "-c", `
echo b >a.txt; mkdir -p new/deep; echo n >new/deep/n.sh; chmod 4755 new/deep/n.sh; rm gone.txt
mkfifo pipe; ln -s /etc/passwd evil; mkdir -p sub/.git; echo x >sub/.git/config; echo x >.gitmodules.txt
printf x >"$(printf 'new\nline')"; head -c 9000000 /dev/zero >big; rm -r dir; ln -s /etc dir; echo x >'git~1'`}})
	require.NoError(t, err)
	require.Equal(t, 0, res.Exit, res.Output)
	require.Equal(t, []string{".gitmodules.txt", "a.txt", "dir/x", "gone.txt", "new/deep/n.sh"}, res.Changed)
	require.Len(t, res.Refused, 4, "%v", res.Refused)
	got, err := tree.Read("a.txt")
	require.NoError(t, err)
	require.Equal(t, "b\n", got)
	info, err := os.Lstat(tree.Dir + "/new/deep/n.sh")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o755), info.Mode())
	for _, name := range []string{"gone.txt", "pipe", "evil", "sub/.git", "big", "git~1"} {
		_, err := os.Lstat(tree.Dir + "/" + name)
		require.ErrorIs(t, err, os.ErrNotExist, name)
	}
}
