package sandbox

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// Bounds of what comes out of a box.
const (
	maxKept      = 5000
	maxKeptBytes = 64 << 20
)

// A keeper copies what a command left in its copy of the tree back into the tree. All it reads was written by code
// that nobody trusts: only regular files of plain names and sane sizes come out, with the mode 0644 or 0755.
type keeper struct {
	root    *os.Root
	plan    []string
	seen    map[string]bool // what is still there
	Changed []string
	Refused []string // with the reason
	bytes   int64
}

// keep reads a packed tree from r and makes dir like it. Nothing is done if the stream does not end as it should.
func keep(r io.Reader, dir string, plan []string) (changed, refused []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open tree: %w", err)
	}
	defer root.Close()
	k := &keeper{root: root, plan: plan, seen: map[string]bool{}}
	files, err := k.read(tar.NewReader(r))
	if err != nil {
		return nil, nil, fmt.Errorf("read what the command left: %w", err)
	}
	for _, f := range files {
		if err := k.write(f); err != nil {
			return k.Changed, k.Refused, fmt.Errorf("keep %s: %w", f.name, err)
		}
	}
	err = k.removeGone()
	slices.Sort(k.Changed)
	return k.Changed, k.Refused, err
}

// steers reports whether a file decides what tools and automation do with a repository.
func steers(name string) bool {
	g := hotfix.Protected(name)
	return g != nil && g.Steers()
}

// A kept file is one that may come out.
type kept struct {
	name string
	mode fs.FileMode
	data []byte
}

func (k *keeper) refuse(name, why string) {
	k.Refused = append(k.Refused, fmt.Sprintf("%q: %s", name, why))
}

// read collects the regular files that differ from what the tree holds.
func (k *keeper) read(tr *tar.Reader) ([]kept, error) {
	var out []kept
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if k.seen[h.Name] = true; len(k.seen) > maxFiles {
			return nil, fmt.Errorf("there are more than %d files", maxFiles)
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if h.Typeflag != tar.TypeReg {
			if info, err := k.root.Lstat(h.Name); err != nil || info.Mode().Type() != fs.ModeSymlink {
				k.refuse(h.Name, "not a regular file")
			}
			continue
		}
		if err := CheckPath(h.Name); err != nil {
			k.refuse(h.Name, "not a name that may come out")
			continue
		}
		f, err := k.changed(h, tr)
		if err != nil {
			return nil, err
		}
		if f != nil && steers(h.Name) && !slices.Contains(k.plan, h.Name) {
			k.refuse(h.Name, "it steers tools or automation, and nobody has planned to change it")
			f = nil
		}
		if f != nil {
			out = append(out, *f)
		}
		if len(out) > maxKept || k.bytes > maxKeptBytes {
			return nil, fmt.Errorf("more than %d files or %d bytes were changed", maxKept, maxKeptBytes)
		}
	}
}

// changed returns the file that comes next in the stream, nil if it is as it was or too large.
func (k *keeper) changed(h *tar.Header, r io.Reader) (*kept, error) {
	mode := fs.FileMode(0o644)
	if h.Mode&0o100 != 0 {
		mode = 0o755
	}
	was, err := k.root.Lstat(h.Name)
	if err == nil && !was.Mode().IsRegular() {
		k.refuse(h.Name, "stands where something else was")
		return nil, nil
	}
	if err == nil && h.Size > maxBlob && was.Size() == h.Size {
		return nil, nil // too large to compare, and too large to come out
	}
	if h.Size > maxBlob {
		k.refuse(h.Name, "too large")
		return nil, nil
	}
	data, readErr := io.ReadAll(r)
	if readErr != nil {
		return nil, readErr
	}
	if err == nil && was.Size() == h.Size && was.Mode()&0o100 == mode&0o100 {
		old, err := k.root.ReadFile(h.Name)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(old, data) {
			return nil, nil
		}
	}
	k.bytes += h.Size
	return &kept{h.Name, mode, data}, nil
}

func (k *keeper) write(f kept) error {
	if err := k.root.MkdirAll(path.Dir(f.name), 0o755); err != nil {
		return err
	}
	if err := k.root.WriteFile(f.name, f.data, f.mode); err != nil {
		return err
	}
	k.Changed = append(k.Changed, f.name)
	return k.root.Chmod(f.name, f.mode)
}

// removeGone removes the files that the command has removed.
func (k *keeper) removeGone() error {
	var gone []string
	err := fs.WalkDir(k.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
			return err
		case boot.GitName(d.Name()) && d.IsDir():
			return fs.SkipDir // was never handed in
		case d.Type().IsRegular() && !boot.GitName(d.Name()) && !k.seen[name] && steers(name) && !slices.Contains(k.plan, name):
			k.refuse(name, "it steers tools or automation, and nobody has planned to remove it")
		case d.Type().IsRegular() && !boot.GitName(d.Name()) && !k.seen[name]:
			gone = append(gone, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range gone {
		if err := k.root.Remove(name); err != nil {
			return err
		}
		k.Changed = append(k.Changed, name)
	}
	return nil
}
