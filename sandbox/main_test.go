package sandbox_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

var someone = sandbox.Signature{Name: "Someone", Email: "someone@example.com", When: time.Unix(1700000000, 0).UTC()}

// origin makes a repository of one commit on branch main.
func origin(t *testing.T, files map[string]string) (string, *git.Repository) {
	t.Helper()
	dir := t.TempDir()
	r, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{InitOptions: git.InitOptions{DefaultBranch: "refs/heads/main"}})
	require.NoError(t, err)
	commit(t, dir, r, files)
	return dir, r
}

// commit adds files to the working tree of r and commits them.
func commit(t *testing.T, dir string, r *git.Repository, files map[string]string) string {
	t.Helper()
	w, err := r.Worktree()
	require.NoError(t, err)
	for name, data := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644))
	}
	require.NoError(t, w.AddWithOptions(&git.AddOptions{All: true}))
	h, err := w.Commit("state", &git.CommitOptions{Author: signature()})
	require.NoError(t, err)
	return h.String()
}

// clone clones a repository of this machine.
func clone(t *testing.T, url, ref string) *sandbox.Tree {
	t.Helper()
	tree, err := sandbox.Clone(context.Background(), sandbox.Source{URL: url, Ref: ref}, filepath.Join(t.TempDir(), "attempt"))
	require.NoError(t, err)
	return tree
}

// plant makes a tree that holds files.
func plant(t *testing.T, files map[string]string) *sandbox.Tree {
	t.Helper()
	dir, _ := origin(t, files)
	return clone(t, dir, "")
}

func signature() *object.Signature {
	return &object.Signature{Name: someone.Name, Email: someone.Email, When: someone.When}
}

// listener counts who comes to a port of this machine.
func listener(t *testing.T) (port int, came *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	came = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port, came
}

// writeAll writes files below dir.
func writeAll(dir string, files map[string]string) error {
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// run runs a shell script in dir, without a box.
func run(dir, script string) error {
	c := exec.Command("sh", "-c", script)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
