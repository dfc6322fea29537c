// Package sandbox holds the code of a plugin while it is being repaired: a Tree is its files and history, a Box
// runs its commands where they can harm nothing, a Toolchain knows how its tests are run, and Prove gathers the
// evidence for a patch. It holds no credentials beyond the call that needs one.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/storage"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// A Source is where a tree comes from.
type Source struct {
	URL      string               // https, or a path of this machine
	Ref      string               // branch, tag or commit; "" is the default branch
	Auth     transport.AuthMethod // nil for a public repository
	CABundle []byte               // PEM, besides the system's certificates
	Mirror   string               // directory of bare copies of repositories, kept and fetched into from one clone to the next; "" keeps none
	Depth    int                  // commits of history, 0 for all of it; a commit or a path of this machine always gets all
}

// A Tree is one checkout of a repository. Its git storage lies outside Dir, where no command of the repository can
// reach it. A Tree made of Dir alone has no history: commands may run in it, but there is no patch of it.
type Tree struct {
	Dir    string // the files
	Base   string // the commit they came from
	Branch string // the branch of that commit, "" if Source.Ref was a tag or a commit
	Note   string // what was done differently from what was asked, in a sentence; "" if nothing

	Commands Commands // what the repository's settings say of installing and testing it

	deps    *shelf // of this tree and all that were checked out of it; nil if there is no place for dependencies
	store   storage.Storer
	git     string // the directory of its objects
	scratch string // where Checkout puts further trees
}

// Clone fetches src into dir, which must be empty or absent: the files go to dir/tree, the git storage to dir/git.
// Submodules are never followed. On an error nothing is left in dir.
func Clone(ctx context.Context, src Source, dir string) (_ *Tree, err error) {
	if err := checkURL(src.URL); err != nil {
		return nil, fmt.Errorf("clone: %w", err)
	}
	tree, store := filepath.Join(dir, "tree"), filepath.Join(dir, "git")
	for _, d := range []string{tree, store} {
		if _, err := os.Lstat(d); err == nil {
			return nil, fmt.Errorf("clone %s: %s exists already", src.URL, d)
		}
		if err := os.MkdirAll(d, 0o700); err != nil {
			return nil, fmt.Errorf("clone %s: %w", src.URL, err)
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, os.RemoveAll(d))
			}
		}()
	}
	s, objects, at, err := obtain(ctx, src, store)
	if err != nil {
		return nil, fmt.Errorf("clone %s: %w", src.URL, err)
	}
	t := &Tree{Dir: tree, Base: at.hash.String(), Branch: at.branch, Note: at.note, store: s, git: objects, scratch: dir,
		deps: &shelf{dir: filepath.Join(dir, "deps")}}
	if err := t.checkOut(at.hash); err != nil {
		return nil, fmt.Errorf("clone %s: check out %s: %w", src.URL, at.hash, err)
	}
	return t, nil
}

// obtain fetches src into its mirror, or into a storage at dir if it has none, and says where the objects are.
func obtain(ctx context.Context, src Source, dir string) (s storage.Storer, objects string, at place, err error) {
	if src.Mirror == "" {
		own := filesystem.NewStorage(osfs.New(dir, osfs.WithBoundOS()), cache.NewObjectLRUDefault())
		if err := own.Init(); err != nil {
			return nil, "", at, err
		}
		at, err = fetch(ctx, own, src)
		return own, dir, at, err
	}
	mirror, objects, release, err := openMirror(src.Mirror, src.URL)
	if err != nil {
		return nil, "", at, err
	}
	defer func() { err = errors.Join(err, release()) }()
	src.Depth = 0 // a mirror that lacks history cannot be fetched into for long
	at, err = fetch(ctx, mirror, src)
	return linked(mirror), objects, at, err
}

// Checkout lays out a commit of t a second time, clean and beside it. The new tree shares t's objects but is its
// own otherwise: what is done to one is not seen in the other. remove deletes its files.
func (t *Tree) Checkout(commit string) (_ *Tree, remove func() error, _ error) {
	dir, err := os.MkdirTemp(t.scratch, "tree-")
	if err != nil {
		return nil, nil, fmt.Errorf("check out %s: %w", commit, err)
	}
	remove = func() error { return os.RemoveAll(dir) }
	other := &Tree{Dir: dir, Base: commit, Branch: t.Branch, store: linked(t.store), git: t.git, scratch: t.scratch, deps: t.deps, Commands: t.Commands}
	if err := other.checkOut(plumbing.NewHash(commit)); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("check out %s: %w", commit, err), remove())
	}
	return other, remove, nil
}

// shared is a repository of its own (references, index, configuration) over the objects of another.
type shared struct {
	*memory.Storage
	storer.EncodedObjectStorer
}

// commit returns a commit of the repository.
func (t *Tree) commit(hash string) (*object.Commit, error) {
	if t.store == nil {
		return nil, fmt.Errorf("commit %s: %s has no history", hash, t.Dir)
	}
	c, err := object.GetCommit(t.store, plumbing.NewHash(hash))
	if err != nil {
		return nil, fmt.Errorf("commit %s: %w", hash, err)
	}
	return c, nil
}
