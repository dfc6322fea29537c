package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A checkout is the tree that a fix works on, and in words what it is.
type checkout struct {
	tree *sandbox.Tree
	says []string
}

// checkOut lays out what --repo and --ref name, below scratch. The directory of the user is only read.
func checkOut(ctx context.Context, repo, ref, scratch string) (*checkout, error) {
	if u, err := url.Parse(repo); err == nil && u.Scheme != "" && u.Host != "" {
		return fromURL(ctx, repo, ref, scratch)
	}
	dir, err := filepath.Abs(repo)
	if err != nil {
		return nil, fmt.Errorf("--repo: %w", err)
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return nil, fmt.Errorf("--repo: %s is no directory; give one, or the https address of a repository", repo)
	}
	root, store := findGit(dir)
	if store == "" {
		if ref != "" {
			return nil, fmt.Errorf("--ref: %s is in no git repository, so it has no commits", repo)
		}
		return fromFiles(ctx, dir, scratch)
	}
	return fromGit(ctx, root, store, ref, scratch)
}

func fromURL(ctx context.Context, address, ref, scratch string) (*checkout, error) {
	t, err := sandbox.Clone(ctx, sandbox.Source{URL: address, Ref: ref, Auth: credentials(address), Depth: 50}, filepath.Join(scratch, "work"))
	if err != nil {
		return nil, err
	}
	if t.Note != "" && t.Branch != strings.TrimPrefix(ref, "dist/") {
		return nil, fmt.Errorf("--ref: %s has no branch, tag or commit %q", address, ref)
	}
	c := &checkout{tree: t, says: []string{fmt.Sprintf("%s at commit %s", address, short(t.Base))}}
	if t.Note != "" {
		c.says = append(c.says, t.Note)
	}
	return c, nil
}

// credentials are GITHUB_TOKEN for GitHub's own server, nil for any other.
func credentials(address string) transport.AuthMethod {
	token := os.Getenv("GITHUB_TOKEN")
	server := strings.TrimRight(cmp.Or(os.Getenv("GITHUB_SERVER_URL"), "https://github.com"), "/")
	if token == "" || !strings.HasPrefix(address, server+"/") {
		return nil
	}
	return &githttp.BasicAuth{Username: "x-access-token", Password: token}
}

// findGit finds the repository that dir lies in: its root and its git storage. A linked worktree names its storage in
// a file. Both are "" if there is none.
func findGit(dir string) (root, store string) {
	for at := dir; ; at = filepath.Dir(at) {
		dot := filepath.Join(at, ".git")
		if st, err := os.Stat(dot); err == nil && st.IsDir() {
			return at, dot
		} else if err == nil {
			data, err := os.ReadFile(dot)
			if to, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "gitdir: "); err == nil && ok {
				if !filepath.IsAbs(to) {
					to = filepath.Join(at, to)
				}
				return at, to
			}
		}
		if exists(filepath.Join(at, "HEAD")) && exists(filepath.Join(at, "objects")) && exists(filepath.Join(at, "refs")) {
			return at, at // a bare repository
		}
		if at == filepath.Dir(at) {
			return "", ""
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// fromGit works on a commit. What is not committed is named and left out.
func fromGit(ctx context.Context, root, store, ref, scratch string) (*checkout, error) {
	r, err := git.PlainOpenWithOptions(root, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if err != nil {
		return nil, fmt.Errorf("--repo: open %s: %w", root, err)
	}
	rev := cmp.Or(ref, "HEAD")
	hash, err := r.ResolveRevision(plumbing.Revision(rev))
	switch {
	case err != nil && ref == "":
		return nil, fmt.Errorf("--repo: %s has no commit yet: commit what should be fixed", root)
	case err != nil:
		return nil, fmt.Errorf("--ref: %s has no branch, tag or commit %q", root, ref)
	}
	c := &checkout{says: []string{fmt.Sprintf("%s at commit %s (%s)", root, short(hash.String()), rev)}}
	if n := uncommitted(r); n > 0 {
		c.says = append(c.says, fmt.Sprintf("%s not committed and not used: commit them to have them taken into account", count(n, "changed file is", "changed files are")))
	}
	common := store
	if data, err := os.ReadFile(filepath.Join(store, "commondir")); err == nil {
		if common = strings.TrimSpace(string(data)); !filepath.IsAbs(common) {
			common = filepath.Join(store, common)
		}
	}
	if c.tree, err = sandbox.Clone(ctx, sandbox.Source{URL: common, Ref: hash.String()}, filepath.Join(scratch, "work")); err == nil || ctx.Err() != nil {
		return c, err
	}
	// A shallow clone, or a commit on no branch: its files are there all the same.
	files := filepath.Join(scratch, "files")
	if err := export(r, *hash, files); err != nil {
		return nil, fmt.Errorf("--repo: %s: %w", root, err)
	}
	copied, err := fromFiles(ctx, files, scratch)
	if err != nil {
		return nil, err
	}
	c.tree, c.says = copied.tree, append(c.says, "its history is incomplete, so the files were copied into a temporary repository without one")
	return c, nil
}

// uncommitted counts the files that differ from HEAD. A status that cannot be had counts as none.
func uncommitted(r *git.Repository) int {
	w, err := r.Worktree()
	if err != nil {
		return 0 // bare
	}
	status, err := w.Status()
	if err != nil {
		return 0
	}
	n := 0
	for _, s := range status {
		if s.Worktree != git.Unmodified || s.Staging != git.Unmodified {
			n++
		}
	}
	return n
}

// export writes the files of a commit to dir. Links and submodules are left out.
func export(r *git.Repository, hash plumbing.Hash, dir string) error {
	commit, err := r.CommitObject(hash)
	if err != nil {
		return err
	}
	tree, err := commit.Tree()
	if err != nil {
		return err
	}
	out := osfs.New(dir, osfs.WithBoundOS())
	return tree.Files().ForEach(func(f *object.File) error {
		mode, err := f.Mode.ToOSFileMode()
		if err != nil || !mode.IsRegular() {
			return err
		}
		text, err := f.Contents()
		if err != nil {
			return err
		}
		w, err := out.OpenFile(f.Name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode.Perm())
		if err != nil {
			return err
		}
		_, err = w.Write([]byte(text))
		return errors.Join(err, w.Close())
	})
}

// maxFiles bounds a directory that is copied: beyond it, somebody named the wrong one.
const maxFiles = 20_000

// left are directories that no copy takes along.
var left = []string{"node_modules", ".venv", "__pycache__"}

// fromFiles copies a directory without git into a temporary repository of one commit. The storage lies in scratch, so
// nothing is written to dir.
func fromFiles(ctx context.Context, dir, scratch string) (*checkout, error) {
	if err := countFiles(dir); err != nil {
		return nil, err
	}
	store := filepath.Join(scratch, "copy")
	s := filesystem.NewStorage(osfs.New(store, osfs.WithBoundOS()), cache.NewObjectLRUDefault())
	if err := s.Init(); err != nil {
		return nil, fmt.Errorf("copy %s: %w", dir, err)
	}
	main := plumbing.NewBranchReferenceName("main")
	if err := s.SetReference(plumbing.NewSymbolicReference(plumbing.HEAD, main)); err != nil {
		return nil, fmt.Errorf("copy %s: %w", dir, err)
	}
	r, err := git.Open(s, osfs.New(dir, osfs.WithBoundOS()))
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", dir, err)
	}
	w, err := r.Worktree()
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", dir, err)
	}
	for _, name := range left {
		w.Excludes = append(w.Excludes, gitignore.ParsePattern(name, nil))
	}
	if err := w.AddWithOptions(&git.AddOptions{All: true}); err != nil {
		return nil, fmt.Errorf("copy %s: %w", dir, err)
	}
	by := &object.Signature{Name: "daemon-hotfix", Email: "daemon-hotfix@localhost", When: time.Unix(0, 0)}
	if _, err := w.Commit("files as they are\n", &git.CommitOptions{Author: by, Committer: by}); err != nil {
		return nil, fmt.Errorf("copy %s: %w", dir, err)
	}
	t, err := sandbox.Clone(ctx, sandbox.Source{URL: store}, filepath.Join(scratch, "work"))
	if err != nil {
		return nil, err
	}
	return &checkout{tree: t, says: []string{fmt.Sprintf("%s is in no git repository: a copy of its files is used, without %s and what .gitignore names", dir, strings.Join(left, ", "))}}, nil
}

func countFiles(dir string) error {
	n := 0
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		for _, name := range left {
			if d.IsDir() && d.Name() == name {
				return filepath.SkipDir
			}
		}
		if n++; n > maxFiles {
			return fmt.Errorf("%s is in no git repository and holds more than %d files: run `git init` and commit what should be fixed", dir, maxFiles)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("--repo: %w", err)
	}
	if n <= 1 {
		return fmt.Errorf("--repo: %s is empty", dir)
	}
	return nil
}

func short(hash string) string { return hash[:min(len(hash), 12)] }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
