package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Signature is who a commit is by.
type Signature struct {
	Name, Email string
	When        time.Time
}

// A file is one name in the working tree.
type file struct {
	name string
	mode fs.FileMode
}

// Patch says what has changed in t since Base. Only regular files can change: a new link or special file, or a
// name that git or a file system gives a meaning of its own, is an error. tc tells tests from other files; it may be nil.
func (t *Tree) Patch(tc *Toolchain) (hotfix.Patch, error) {
	base, err := t.commit(t.Base)
	if err != nil {
		return hotfix.Patch{}, fmt.Errorf("patch: %w", err)
	}
	old, err := base.Tree()
	if err != nil {
		return hotfix.Patch{}, fmt.Errorf("patch: %w", err)
	}
	root, err := t.snapshot()
	if err != nil {
		return hotfix.Patch{}, fmt.Errorf("patch: %w", err)
	}
	now, err := object.GetTree(t.store, root)
	if err != nil {
		return hotfix.Patch{}, fmt.Errorf("patch: %w", err)
	}
	diff, err := old.Patch(now)
	if err != nil {
		return hotfix.Patch{}, fmt.Errorf("patch: %w", err)
	}
	var text bytes.Buffer
	if err := diff.Encode(&text); err != nil {
		return hotfix.Patch{}, fmt.Errorf("patch: %w", err)
	}
	p := hotfix.Patch{Base: t.Base, Diff: text.String()}
	lines := map[string]object.FileStat{}
	for _, s := range diff.Stats() {
		lines[s.Name] = s
	}
	for _, f := range diff.FilePatches() {
		from, to := f.Files()
		c := hotfix.FileChange{New: from == nil, Deleted: to == nil}
		if to != nil {
			c.Path = to.Path()
		} else {
			c.Path = from.Path()
		}
		c.Added, c.Removed = lines[c.Path].Addition, lines[c.Path].Deletion
		c.Test = tc != nil && tc.IsTest(c.Path)
		p.Files = append(p.Files, c)
	}
	return p, nil
}

// Commit records the present state of t as a child of Base and returns its hash. Nothing in t changes.
func (t *Tree) Commit(_ context.Context, by Signature, message string) (string, error) {
	return t.CommitOn(by, message, t.Base)
}

// CommitOn records the present state of t as a child of other commits, whatever these hold. Empty names are left out.
func (t *Tree) CommitOn(by Signature, message string, parents ...string) (string, error) {
	root, err := t.snapshot()
	if err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	sig := object.Signature{Name: by.Name, Email: by.Email, When: by.When}
	c := object.Commit{Author: sig, Committer: sig, Message: message, TreeHash: root}
	for _, p := range parents {
		if p != "" {
			c.ParentHashes = append(c.ParentHashes, plumbing.NewHash(p))
		}
	}
	o := t.store.NewEncodedObject()
	if err := c.Encode(o); err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	h, err := t.store.SetEncodedObject(o)
	if err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	return h.String(), nil
}

// Fetch makes the history of another branch known to t. Its files stay as they are.
func (t *Tree) Fetch(ctx context.Context, address string, auth transport.AuthMethod, branch string) error {
	if err := checkURL(address); err != nil {
		return fmt.Errorf("fetch: %w", err)
	}
	name := plumbing.NewBranchReferenceName(branch)
	if err := name.Validate(); err != nil {
		return fmt.Errorf("fetch: %q is not a branch", branch)
	}
	err := remote(t.store, address).FetchContext(ctx, &git.FetchOptions{RemoteName: remoteName, RemoteURL: address, Auth: auth, Tags: git.NoTags,
		RefSpecs: []config.RefSpec{config.RefSpec("+" + name.String() + ":refs/fetched/" + branch)}})
	if err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		return fmt.Errorf("fetch %s: %w", branch, err)
	}
	return nil
}

// Push sends the commit hash to a branch of the repository at address. It never forces: a branch that has moved on
// is an error. Neither the address nor the credentials are kept.
func (t *Tree) Push(ctx context.Context, address string, auth transport.AuthMethod, branch, hash string) error {
	if err := checkURL(address); err != nil {
		return fmt.Errorf("push: %w", err)
	}
	name := plumbing.NewBranchReferenceName(branch)
	if err := name.Validate(); err != nil || !commitName.MatchString(hash) {
		return fmt.Errorf("push: %q and %q are not a commit and a branch", hash, branch)
	}
	err := remote(t.store, address).PushContext(ctx, &git.PushOptions{RemoteName: remoteName, RemoteURL: address, Auth: auth,
		RefSpecs: []config.RefSpec{config.RefSpec(hash + ":" + name.String())}})
	if err != nil && !errors.Is(err, git.NoErrAlreadyUpToDate) {
		return fmt.Errorf("push %s to %s: %w", hash[:12], branch, err)
	}
	return nil
}

// baseFiles returns the entries of Base by name, directories left out.
func (t *Tree) baseFiles() (map[string]object.TreeEntry, error) {
	c, err := t.commit(t.Base)
	if err != nil {
		return nil, err
	}
	root, err := c.Tree()
	if err != nil {
		return nil, err
	}
	entries := map[string]object.TreeEntry{}
	walk := object.NewTreeWalker(root, true, nil)
	defer walk.Close()
	for {
		name, e, err := walk.Next()
		if err != nil {
			if len(entries) == 0 && len(root.Entries) > 0 || !errors.Is(err, io.EOF) {
				return nil, err
			}
			return entries, nil
		}
		if e.Mode != filemode.Dir {
			entries[name] = e
		}
	}
}

// files lists everything in the tree but directories, sorted, without what .gitignore leaves out and Base does not have.
func (t *Tree) files() ([]file, error) {
	base, err := t.baseFiles()
	if err != nil {
		return nil, err
	}
	patterns, err := gitignore.ReadPatterns(osfs.New(t.Dir, osfs.WithBoundOS()), nil)
	if err != nil {
		return nil, fmt.Errorf("read .gitignore: %w", err)
	}
	ignored := gitignore.NewMatcher(patterns)
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	defer root.Close()
	dirs := map[string]bool{}
	for name := range base {
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	var out []file
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		_, known := base[name]
		if !known && !dirs[name] && ignored.Match(strings.Split(name, "/"), d.IsDir()) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if out = append(out, file{name, info.Mode()}); len(out) > maxFiles {
			return refuse("the repository has more than %d files", maxFiles)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list files: %w", err)
	}
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return out, nil
}
