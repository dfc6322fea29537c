package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// checkOut writes the files of commit into the empty t.Dir. No hook, filter or attribute of the repository plays a
// part in it, there is no index, and no name can lead out.
func (t *Tree) checkOut(commit plumbing.Hash) (err error) {
	if err := t.store.SetReference(plumbing.NewHashReference(plumbing.HEAD, commit)); err != nil {
		return err
	}
	// One that keeps its files open: opening a pack for each object takes most of the time of a checkout.
	s := filesystem.NewStorageWithOptions(storeAt(t.git), cache.NewObjectLRUDefault(), filesystem.Options{KeepDescriptors: true})
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
	l := layout{s: s, pages: make(chan page, 4), ended: make(chan error)}
	go l.write()
	err = l.directory(root, top, "")
	close(l.pages)
	return errors.Join(err, <-l.ended)
}

// Bounds of one page.
const (
	pageFiles = 64
	pageBytes = 1 << 20
)

// A layout is a checkout under way. Reading objects takes about as long as making files, so that each has a goroutine.
type layout struct {
	s     storer.EncodedObjectStorer
	pages chan page
	ended chan error // gets how the writing went
}

// A page is some files of one directory, which it holds open: they have been read and are to be made.
type page struct {
	dir   *os.Root
	files []laidOut
	bytes int
}

// A laidOut file is one entry of a tree.
type laidOut struct {
	entry   object.TreeEntry
	full    string // its name for errors
	content []byte
}

// write makes the files of every page. After an error it only lets go of what the pages hold.
func (l *layout) write() {
	var failed error
	for p := range l.pages {
		for _, f := range p.files {
			if failed == nil {
				failed = f.make(p.dir)
			}
		}
		failed = errors.Join(failed, p.dir.Close())
	}
	l.ended <- failed
}

// make writes a file or link that is not there yet.
func (f laidOut) make(dir *os.Root) error {
	if f.entry.Mode == filemode.Symlink {
		return dir.Symlink(string(f.content[:min(len(f.content), 4096)]), f.entry.Name)
	}
	mode := os.FileMode(0o644)
	if f.entry.Mode == filemode.Executable {
		mode = 0o755
	}
	out, err := dir.OpenFile(f.entry.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err == nil {
		_, err = out.Write(f.content)
		err = errors.Join(err, out.Close())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.full, err)
	}
	return nil
}

// directory lays out one directory, whose name is for errors.
func (l *layout) directory(dir *os.Root, tree *object.Tree, name string) error {
	var p page
	for _, e := range tree.Entries {
		full := name + e.Name
		if strings.Contains(e.Name, "/") || !filepath.IsLocal(e.Name) || e.Name == "." || boot.GitName(e.Name) {
			return fmt.Errorf("%q is not a name that may be checked out", full)
		}
		var err error
		switch e.Mode {
		case filemode.Submodule: // never followed
			err = dir.Mkdir(e.Name, 0o755)
		case filemode.Dir:
			err = l.below(dir, e, full)
		default:
			f := laidOut{entry: e, full: full}
			if f.content, err = l.read(e.Hash); err == nil {
				p.files, p.bytes = append(p.files, f), p.bytes+len(f.content)
			}
		}
		if err == nil && (len(p.files) == pageFiles || p.bytes >= pageBytes) {
			err = l.hand(dir, p)
			p = page{}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", full, err)
		}
	}
	return l.hand(dir, p)
}

// hand gives a page of dir to the writer.
func (l *layout) hand(dir *os.Root, p page) (err error) {
	if len(p.files) == 0 {
		return nil
	}
	if p.dir, err = dir.OpenRoot("."); err == nil {
		l.pages <- p
	}
	return err
}

// below lays out a directory in dir.
func (l *layout) below(dir *os.Root, e object.TreeEntry, full string) error {
	tree, err := object.GetTree(l.s, e.Hash)
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
	return l.directory(sub, tree, full+"/")
}

// read returns a blob's content.
func (l *layout) read(hash plumbing.Hash) ([]byte, error) {
	blob, err := object.GetBlob(l.s, hash)
	if err != nil {
		return nil, err
	}
	r, err := blob.Reader()
	if err != nil {
		return nil, err
	}
	content := make([]byte, blob.Size)
	_, err = io.ReadFull(r, content)
	return content, errors.Join(err, r.Close())
}
