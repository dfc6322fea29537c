package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxBlob bounds a changed file. What Base has may be larger, as long as it stays as it is.
const maxBlob = 8 << 20

// snapshot stores the present state of the working tree as git objects and returns the root's hash. Git's index plays no part.
func (t *Tree) snapshot() (plumbing.Hash, error) {
	base, err := t.baseFiles()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	now, err := t.files()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	entries := map[string]object.TreeEntry{}
	for name, e := range base {
		if e.Mode == filemode.Submodule {
			entries[name] = e // never checked out, so never changed
		}
	}
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("open tree: %w", err)
	}
	defer root.Close()
	for _, f := range now {
		was, known := base[f.name]
		e, err := t.entry(root, f, was)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if !known || e.Hash != was.Hash || e.Mode != was.Mode {
			if err := CheckPath(f.name); err != nil {
				return plumbing.ZeroHash, err
			}
		}
		entries[f.name] = e
	}
	return t.storeTree(entries, "")
}

// entry stores one file as a blob, unless it is what Base has.
func (t *Tree) entry(root *os.Root, f file, was object.TreeEntry) (object.TreeEntry, error) {
	switch {
	case f.mode.Type() == fs.ModeSymlink && was.Mode == filemode.Symlink:
		target, err := root.Readlink(f.name)
		if err != nil {
			return was, err
		}
		if plumbing.ComputeHash(plumbing.BlobObject, []byte(target)) == was.Hash {
			return was, nil
		}
		return was, refuse("%s is a link that was changed: a patch changes regular files only", f.name)
	case !f.mode.IsRegular():
		return was, refuse("%s is not a regular file: a patch changes regular files only", f.name)
	}
	mode := filemode.Regular
	if f.mode&0o100 != 0 {
		mode = filemode.Executable
	}
	if was.Mode == filemode.Deprecated {
		mode = was.Mode
	}
	info, err := root.Lstat(f.name)
	if err != nil {
		return was, err
	}
	if info.Size() > maxBlob && t.size(was.Hash) != info.Size() {
		return was, refuse("%s has %d bytes: a patch holds no file of more than %d", f.name, info.Size(), maxBlob)
	}
	data, err := root.ReadFile(f.name)
	if err != nil {
		return was, err
	}
	h := plumbing.ComputeHash(plumbing.BlobObject, data)
	if h != was.Hash {
		if h, err = t.storeObject(plumbing.BlobObject, data); err != nil {
			return was, err
		}
	}
	return object.TreeEntry{Mode: mode, Hash: h}, nil
}

func (t *Tree) size(h plumbing.Hash) int64 {
	n, err := t.store.EncodedObjectSize(h)
	if err != nil {
		return -1
	}
	return n
}

func (t *Tree) storeObject(kind plumbing.ObjectType, data []byte) (plumbing.Hash, error) {
	o := t.store.NewEncodedObject()
	o.SetType(kind)
	w, err := o.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if _, err := w.Write(data); err != nil {
		return plumbing.ZeroHash, err
	}
	if err := w.Close(); err != nil {
		return plumbing.ZeroHash, err
	}
	return t.store.SetEncodedObject(o)
}

// storeTree stores the entries below prefix as tree objects.
func (t *Tree) storeTree(entries map[string]object.TreeEntry, prefix string) (plumbing.Hash, error) {
	dirs := map[string]map[string]object.TreeEntry{}
	var tree object.Tree
	for name, e := range entries {
		dir, rest, nested := strings.Cut(name, "/")
		if !nested {
			e.Name = name
			tree.Entries = append(tree.Entries, e)
			continue
		}
		if dirs[dir] == nil {
			dirs[dir] = map[string]object.TreeEntry{}
		}
		dirs[dir][rest] = e
	}
	for dir, inside := range dirs {
		h, err := t.storeTree(inside, prefix+dir+"/")
		if err != nil {
			return plumbing.ZeroHash, err
		}
		tree.Entries = append(tree.Entries, object.TreeEntry{Name: dir, Mode: filemode.Dir, Hash: h})
	}
	sort.Sort(object.TreeEntrySorter(tree.Entries))
	o := t.store.NewEncodedObject()
	if err := tree.Encode(o); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("tree %s: %w", prefix, err)
	}
	return t.store.SetEncodedObject(o)
}
