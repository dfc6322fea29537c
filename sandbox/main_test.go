package sandbox_test

import (
	"context"
	"os"
	"path/filepath"
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
