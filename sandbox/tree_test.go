package sandbox_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

func TestCloneFindsWhatIsMeant(t *testing.T) {
	t.Parallel()
	dir, r := origin(t, map[string]string{"a.txt": "one\n"})
	head, err := r.Head()
	require.NoError(t, err)
	_, err = r.CreateTag("v1", head.Hash(), &git.CreateTagOptions{Message: "v1", Tagger: signature()})
	require.NoError(t, err)
	second := commit(t, dir, r, map[string]string{"a.txt": "two\n"})
	require.NoError(t, r.Storer.SetReference(plumbing.NewHashReference("refs/heads/other", head.Hash())))

	for _, c := range []struct{ name, ref, base, branch, note string }{
		{"default branch", "", second, "main", ""},
		{"branch", "other", head.Hash().String(), "other", ""},
		{"full branch name", "refs/heads/other", head.Hash().String(), "other", ""},
		{"annotated tag", "v1", head.Hash().String(), "", ""},
		{"commit", head.Hash().String(), head.Hash().String(), "", ""},
		{"build branch with source", "dist/other", head.Hash().String(), "other", "dist/other does not exist; this is other, which it is built from"},
		{"build branch without source", "dist/gone", second, "main", "dist/gone does not exist; this is the default branch, main"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree := clone(t, dir, c.ref)
			require.Equal(t, c.base, tree.Base)
			require.Equal(t, c.branch, tree.Branch)
			require.Equal(t, c.note, tree.Note)
			require.NoFileExists(t, filepath.Join(tree.Dir, ".git"))
		})
	}
}

func TestCloneRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, url, says string }{
		{"plain http", "http://example.com/a/b", "not an address to fetch from"},
		{"ssh", "ssh://git@example.com/a/b", "carries credentials"},
		{"a program", "ext::sh -c touch% /tmp/x", "not an address to fetch from"},
		{"credentials", "https://user:word@example.com/a/b", "carries credentials"},
		{"nothing there", "/nowhere/at/all", "repository not found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			_, err := sandbox.Clone(context.Background(), sandbox.Source{URL: c.url}, dir)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "word@")
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestFilesStayInTheTree(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	tree := plant(t, map[string]string{"src/a.txt": "a\n"})
	require.NoError(t, os.Symlink(outside, filepath.Join(tree.Dir, "link")))
	require.NoError(t, os.Symlink(filepath.Dir(outside), filepath.Join(tree.Dir, "dir")))
	require.NoError(t, os.WriteFile(filepath.Join(tree.Dir, "large"), make([]byte, 2<<20), 0o644))

	for _, c := range []struct{ name, path, says string }{
		{"link to a file", "link", "not a regular file"},
		{"link to a directory", "dir/secret", "leads out of the repository"},
		{"parent", "../secret", "not a path inside the repository"},
		{"absolute", outside, "not a path inside the repository"},
		{"dot segment", "src/../src/a.txt", "not a path inside the repository"},
		{"git directory", ".git/config", "git's own directory"},
		{"git directory, nested", "vendor/sub/.git/hooks/pre-commit", "git's own directory"},
		{"git directory, other case", ".GiT/config", "git's own directory"},
		{"git directory, short name", "GIT~1/config", "git's own directory"},
		{"git directory, trailing dot", ".git./config", "git's own directory"},
		{"git directory, hidden mark", ".g\u200cit/config", "characters that a file name may not have"},
		{"stream of a file", ".git::$INDEX_ALLOCATION/config", "neither"},
		{"backslash", `src\a.txt`, "use / between directories"},
		{"newline", "a\nb", "characters that a file name may not have"},
		{"not text", "a\xff", "characters that a file name may not have"},
		{"empty", "", "no file is named"},
		{"directory", "src", "is a directory"},
		{"too large", "large", "more than the"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := tree.Read(c.path)
			require.ErrorContains(t, err, c.says)
			var m interface{ ForModel() string }
			require.ErrorAs(t, err, &m)
			if c.path == "large" {
				return
			}
			require.Error(t, tree.Write(c.path, "x"))
			require.False(t, tree.Has(c.path))
		})
	}
	data, err := os.ReadFile(outside)
	require.NoError(t, err)
	require.Equal(t, "secret", string(data))
	_, err = tree.Read("gone.txt")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestPatchIsWhatChanged(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"go.mod": "module x\n", "a.go": "package a\n\nvar A = 1\n", "gone.go": "package a\n",
		"same.go": "package a\n", ".gitignore": "out/\n", "bin": "\x00\x01"})
	require.NoError(t, tree.Write("a.go", "package a\n\nvar A = 2\n"))
	require.NoError(t, tree.Write("deep/new_test.go", "package deep\n"))
	require.NoError(t, tree.Write("out/ignored.txt", "x"))
	require.NoError(t, tree.Write("bin", "\x00\x02"))
	require.NoError(t, tree.Remove("gone.go"))
	tc := tree.Toolchain()
	require.Equal(t, "go", tc.Name)

	p, err := tree.Patch(tc)
	require.NoError(t, err)
	require.Equal(t, tree.Base, p.Base)
	require.Equal(t, []hotfix.FileChange{
		{Path: "a.go", Added: 1, Removed: 1},
		{Path: "bin"},
		{Path: "deep/new_test.go", Added: 1, Test: true, New: true},
		{Path: "gone.go", Removed: 1, Deleted: true},
	}, p.Files)
	require.Contains(t, p.Diff, "diff --git a/a.go b/a.go\n")
	require.Contains(t, p.Diff, "-var A = 1\n+var A = 2\n")
	require.Contains(t, p.Diff, "new file mode 100644")
	require.Contains(t, p.Diff, "deleted file mode 100644")
	require.Contains(t, p.Diff, "Binary files a/bin and b/bin differ")
	require.NotContains(t, p.Diff, "ignored")

	files, err := tree.Files()
	require.NoError(t, err)
	require.Equal(t, []string{".gitignore", "a.go", "bin", "deep/new_test.go", "go.mod", "same.go"}, files)
}

func TestPatchTakesRegularFilesOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(t *testing.T, dir string)
		says string
	}{
		{"new link", func(t *testing.T, dir string) {
			require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "l")))
		}, "not a regular file"},
		{"planted repository", func(t *testing.T, dir string) {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub/.git"), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "sub/.git/config"), []byte("x"), 0o644))
		}, "git's own directory"},
		{"planted redirection", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, ".git"), []byte("gitdir: evil"), 0o644))
		}, "git's own directory"},
		{"too large", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "big"), make([]byte, 9<<20), 0o644))
		}, "a patch holds no file of more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree := plant(t, map[string]string{"a": "a\n"})
			c.do(t, tree.Dir)
			_, err := tree.Patch(nil)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestCommitAndPush(t *testing.T) {
	t.Parallel()
	dir, _ := origin(t, map[string]string{"a/b/c.txt": "1\n", "a.txt": "1\n", "a-b.txt": "1\n"})
	tree := clone(t, dir, "main")
	require.NoError(t, tree.Write("a/b/c.txt", "2\n"))
	require.NoError(t, tree.Write("a/new.txt", "new\n"))
	hash, err := tree.Commit(context.Background(), someone, "fix: c is 2\n")
	require.NoError(t, err)
	require.NoError(t, tree.Push(context.Background(), dir, nil, "hotfix/v1-abc", hash))
	require.NoError(t, tree.Push(context.Background(), dir, nil, "hotfix/v1-abc", hash), "a second time")

	r, err := git.PlainOpen(dir)
	require.NoError(t, err)
	c, err := r.CommitObject(plumbing.NewHash(hash))
	require.NoError(t, err)
	require.Equal(t, tree.Base, c.ParentHashes[0].String())
	f, err := c.File("a/b/c.txt")
	require.NoError(t, err)
	text, err := f.Contents()
	require.NoError(t, err)
	require.Equal(t, "2\n", text)

	require.NoError(t, tree.Write("a/b/c.txt", "3\n"))
	sibling, err := tree.Commit(context.Background(), someone, "fix: c is 3\n")
	require.NoError(t, err)
	err = tree.Push(context.Background(), dir, nil, "hotfix/v1-abc", sibling)
	require.ErrorContains(t, err, "non-fast-forward")
	require.Error(t, tree.Push(context.Background(), dir, nil, "bad..name", sibling))
}

func TestPushRunsNoHookAndObeysNoConfiguration(t *testing.T) {
	t.Parallel()
	dir, _ := origin(t, map[string]string{"a.txt": "1\n"})
	ran := filepath.Join(t.TempDir(), "ran")
	for _, hook := range []string{"pre-receive", "update", "post-receive", "pre-push", "post-checkout"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, ".git/hooks"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, ".git/hooks", hook), []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o755))
	}
	tree := clone(t, dir, "")
	evil, _ := origin(t, map[string]string{"e": "e"})
	config := "[remote \"hotfix\"]\n\turl = " + evil + "\n[url \"" + evil + "\"]\n\tinsteadOf = " + dir + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(tree.Dir), "git", "config"), []byte(config), 0o644))
	require.NoError(t, tree.Write("a.txt", "2\n"))
	hash, err := tree.Commit(context.Background(), someone, "fix")
	require.NoError(t, err)
	require.NoError(t, tree.Push(context.Background(), dir, nil, "hotfix/x", hash))
	require.NoFileExists(t, ran)
	r, err := git.PlainOpen(dir)
	require.NoError(t, err)
	_, err = r.Reference("refs/heads/hotfix/x", false)
	require.NoError(t, err)
}

func TestCheckoutIsIndependent(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "1\n"})
	require.NoError(t, tree.Write("a.txt", "2\n"))
	hash, err := tree.Commit(context.Background(), someone, "fix")
	require.NoError(t, err)
	base, removeBase, err := tree.Checkout(tree.Base)
	require.NoError(t, err)
	patched, removePatched, err := tree.Checkout(hash)
	require.NoError(t, err)
	require.NoError(t, base.Write("b.txt", "b"))

	for want, in := range map[string]*sandbox.Tree{"1\n": base, "2\n": patched} {
		got, err := in.Read("a.txt")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	p, err := patched.Patch(nil)
	require.NoError(t, err)
	require.Empty(t, p.Files)
	require.False(t, tree.Has("b.txt"))
	require.NoError(t, errors.Join(removeBase(), removePatched()))
	require.NoDirExists(t, base.Dir)
	_, _, err = tree.Checkout(strings.Repeat("0", 40))
	require.Error(t, err)
}

func TestHistory(t *testing.T) {
	t.Parallel()
	dir, r := origin(t, map[string]string{"a.txt": "1\n"})
	second := commit(t, dir, r, map[string]string{"a.txt": "2\n"})
	log, err := clone(t, dir, "").History(5, "")
	require.NoError(t, err)
	require.Len(t, log, 2)
	require.Equal(t, second, log[0].Hash)
	require.Equal(t, "Someone", log[0].Author)
}
