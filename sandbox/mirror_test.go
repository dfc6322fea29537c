package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A mirror is fetched into: clones see what is new, work on it and share nothing but objects.
func TestMirror(t *testing.T) {
	t.Parallel()
	dir, r := origin(t, map[string]string{"a.txt": "1\n"})
	src := sandbox.Source{URL: dir, Mirror: t.TempDir()}
	open := func(ref string) *sandbox.Tree {
		s := src
		s.Ref = ref
		tree, err := sandbox.Clone(context.Background(), s, filepath.Join(t.TempDir(), "attempt"))
		require.NoError(t, err)
		return tree
	}
	first := open("")
	again := open("")
	require.Equal(t, first.Base, again.Base)
	second := commit(t, dir, r, map[string]string{"a.txt": "2\n", "b.txt": "b\n"})
	later := open("")
	require.Equal(t, second, later.Base)
	require.True(t, later.Has("b.txt"))
	require.False(t, first.Has("b.txt"))
	require.Equal(t, first.Base, open(first.Base).Base)

	require.NoError(t, later.Write("a.txt", "3\n"))
	hash, err := later.Commit(context.Background(), someone, "fix\n")
	require.NoError(t, err)
	require.NoError(t, later.Push(context.Background(), dir, nil, "hotfix/x", hash))
	require.Equal(t, hash, open("hotfix/x").Base)
	kept, err := os.ReadDir(src.Mirror)
	require.NoError(t, err)
	require.Len(t, kept, 2, "one mirror and its lock")

	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		at := filepath.Join(t.TempDir(), "attempt")
		all.Go(func() {
			tree, err := sandbox.Clone(context.Background(), src, at)
			if err == nil {
				_, err = tree.Patch(nil)
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// Copies do not pile up: one with many packs makes way for a new one, which its trees outlive, and what nobody fetches
// into any more goes.
func TestMirrorsAreBounded(t *testing.T) {
	t.Parallel()
	dir, _ := origin(t, map[string]string{"a.txt": "1\n"})
	src := sandbox.Source{URL: dir, Mirror: t.TempDir()}
	open := func() *sandbox.Tree {
		tree, err := sandbox.Clone(context.Background(), src, filepath.Join(t.TempDir(), "attempt"))
		require.NoError(t, err)
		return tree
	}
	age := func(name string, by time.Duration) {
		then := time.Now().Add(-by)
		require.NoError(t, os.Chtimes(name, then, then))
	}
	tree := open()
	old := sandbox.Mirrored(src.Mirror, dir)
	require.DirExists(t, old)
	open()
	require.Equal(t, old, sandbox.Mirrored(src.Mirror, dir))
	for i := range 200 {
		require.NoError(t, os.WriteFile(filepath.Join(old, "objects", "pack", fmt.Sprint(i, ".pack")), nil, 0o600))
	}
	open()
	now := sandbox.Mirrored(src.Mirror, dir)
	require.NotEqual(t, old, now)
	require.NoError(t, tree.Write("a.txt", "2\n"))
	p, err := tree.Patch(nil)
	require.NoError(t, err, "the tree has its objects still")
	require.Len(t, p.Files, 1)

	age(old, 25*time.Hour)
	age(now, 25*time.Hour)
	open()
	require.NoDirExists(t, old)
	require.DirExists(t, now)
	age(now, 31*24*time.Hour)
	src.URL, _ = origin(t, map[string]string{"b.txt": "1\n"})
	open()
	require.NoDirExists(t, now)
}

// Copies that together take too much make room, the one that has rested longest first, but for those that a tree may share.
func TestMirrorsAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func() (address string) {
		address, _ = origin(t, map[string]string{"a.txt": "1\n"})
		_, err := sandbox.Clone(context.Background(), sandbox.Source{URL: address, Mirror: dir}, filepath.Join(t.TempDir(), "attempt"))
		require.NoError(t, err)
		return address
	}
	var all []string
	for range 4 { // of 9 GiB each, of which nothing is on the disk
		at := sandbox.Mirrored(dir, open())
		require.NoError(t, os.WriteFile(filepath.Join(at, "objects", "pack", "large.pack"), nil, 0o600))
		require.NoError(t, os.Truncate(filepath.Join(at, "objects", "pack", "large.pack"), 9<<30))
		all = append(all, at)
	}
	for i, hours := range []int{1, 50, 30, 40} {
		then := time.Now().Add(-time.Duration(hours) * time.Hour)
		require.NoError(t, os.Chtimes(all[i], then, then))
	}
	open()
	require.DirExists(t, all[0], "it is in use")
	require.NoDirExists(t, all[1])
	require.DirExists(t, all[2])
	require.NoDirExists(t, all[3])
}

// BenchmarkWarmTree opens a tree of 5,000 files from a warm mirror, beside "git worktree add" of the same commit, in
// turn. No tree is removed before the end, and what others removed may rest a little first: for five seconds ext4 looks
// at each file that was just removed before it makes a new one, which takes ten times as long as either of the two.
func BenchmarkWarmTree(b *testing.B) {
	dir, files := b.TempDir(), map[string]string{}
	for i := range 5000 {
		files[fmt.Sprintf("d%02d/e%02d/f%04d.txt", i%50, i%10, i)] = fmt.Sprintf("file %d\n%0800d\n", i, i)
	}
	require.NoError(b, writeAll(dir, files))
	require.NoError(b, run(dir, "git init -q -b main && git add -A && git -c user.name=x -c user.email=x@example.com commit -qm x && git gc -q"))
	src := sandbox.Source{URL: dir, Mirror: b.TempDir()}
	trees, n := b.TempDir(), 0
	ours := func() {
		_, err := sandbox.Clone(context.Background(), src, filepath.Join(trees, fmt.Sprint("ours", n)))
		require.NoError(b, err)
	}
	git := func() {
		out, err := exec.Command("git", "-C", dir, "worktree", "add", "-q", "--detach", filepath.Join(trees, fmt.Sprint("git", n))).CombinedOutput()
		require.NoError(b, err, "%s", out)
	}
	ours()
	git()
	time.Sleep(6 * time.Second)
	var took [2][]float64
	for b.Loop() {
		n++
		for i, open := range []func(){git, ours} {
			began := time.Now()
			open()
			took[i] = append(took[i], float64(time.Since(began).Microseconds())/1000)
		}
	}
	for i := range took {
		slices.Sort(took[i])
	}
	theirs, own := took[0][len(took[0])/2], took[1][len(took[1])/2]
	b.ReportMetric(theirs, "git-p50-ms")
	b.ReportMetric(own, "ours-p50-ms")
	b.ReportMetric(own/theirs, "xgit")
}
