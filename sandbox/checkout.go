package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// checkOut writes the files of commit into the empty t.Dir. No hook, filter or attribute of the repository plays a
// part in it, there is no index, and no name can lead out.
func (t *Tree) checkOut(commit plumbing.Hash) (err error) {
	if err := t.store.SetReference(plumbing.NewHashReference(plumbing.HEAD, commit)); err != nil {
		return err
	}
	// One that keeps its files open: opening a pack for each object takes most of the time of a checkout.
	s := filesystem.NewStorageWithOptions(osfs.New(t.git, osfs.WithBoundOS()), cache.NewObjectLRUDefault(), filesystem.Options{KeepDescriptors: true})
	defer func() { err = errors.Join(err, s.Close()) }()
	c, err := object.GetCommit(s, commit)
	if err != nil {
		return err
	}
	top, err := c.Tree()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return layOut(s, root, top, "")
}

// layOut writes one directory, whose name is for errors.
func layOut(s storer.EncodedObjectStorer, dir *os.Root, tree *object.Tree, name string) error {
	for _, e := range tree.Entries {
		full := name + e.Name
		if strings.Contains(e.Name, "/") || !filepath.IsLocal(e.Name) || e.Name == "." || gitName(e.Name) {
			return fmt.Errorf("%q is not a name that may be checked out", full)
		}
		if err := layOutEntry(s, dir, e, full); err != nil {
			return fmt.Errorf("%s: %w", full, err)
		}
	}
	return nil
}

func layOutEntry(s storer.EncodedObjectStorer, dir *os.Root, e object.TreeEntry, full string) error {
	switch e.Mode {
	case filemode.Submodule: // never followed
		return dir.Mkdir(e.Name, 0o755)
	case filemode.Dir:
		tree, err := object.GetTree(s, e.Hash)
		if err != nil {
			return err
		}
		if err := dir.Mkdir(e.Name, 0o755); err != nil {
			return err
		}
		sub, err := dir.OpenRoot(e.Name)
		if err != nil {
			return err
		}
		defer sub.Close()
		return layOut(s, sub, tree, full+"/")
	}
	blob, err := object.GetBlob(s, e.Hash)
	if err != nil {
		return err
	}
	r, err := blob.Reader()
	if err != nil {
		return err
	}
	defer r.Close()
	if e.Mode == filemode.Symlink {
		target, err := io.ReadAll(io.LimitReader(r, 4096))
		if err != nil {
			return err
		}
		return dir.Symlink(string(target), e.Name)
	}
	mode := os.FileMode(0o644)
	if e.Mode == filemode.Executable {
		mode = 0o755
	}
	f, err := dir.OpenFile(e.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
