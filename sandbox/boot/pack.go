package boot

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Pack writes the tree at dir to w, without the directories that skip names. The box gets a copy, so that nothing it
// does to the copy is seen here.
func Pack(w io.Writer, dir string, limit int64, skip []string) error {
	p := packer{tw: tar.NewWriter(w), limit: limit, skip: skip}
	if err := p.add(dir, ""); err != nil {
		return err
	}
	return p.tw.Close()
}

// A packer writes directories, regular files and links, and of those nothing but content and the execute bit.
type packer struct {
	tw    *tar.Writer
	limit int64 // of bytes that may still come
	skip  []string
}

// add writes what is below dir, with prefix before its name.
func (p *packer) add(dir, prefix string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open tree: %w", err)
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if GitName(d.Name()) || slices.Contains(p.skip, name) { // history stays outside
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		h := &tar.Header{Name: prefix + name, Format: tar.FormatPAX, ModTime: info.ModTime()}
		switch mode := info.Mode(); {
		case mode.IsDir():
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case mode.Type() == fs.ModeSymlink:
			h.Typeflag = tar.TypeSymlink
			if h.Linkname, err = root.Readlink(name); err != nil {
				return err
			}
		case mode.IsRegular():
			h.Typeflag, h.Size, h.Mode = tar.TypeReg, info.Size(), int64(0o644|mode&0o111)
			if p.limit -= h.Size; p.limit < 0 {
				return errors.New("the tree is larger than what a box may write")
			}
		default:
			return nil // neither a pipe nor a socket is content
		}
		if err := p.tw.WriteHeader(h); err != nil || h.Size == 0 {
			return err
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.CopyN(p.tw, f, h.Size)
		return err
	})
}

// unpack writes what Pack wrote below dir. It runs inside the box, with every layer in force.
func unpack(r io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return UnpackInto(root, r, nil)
}

// UnpackInto is unpack below root; after, if not nil, sees each entry when it has been made.
func UnpackInto(root *os.Root, r io.Reader, after func(*tar.Header) error) error {
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(h.Name, 0o755)
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, h.Name)
		case tar.TypeReg:
			err = unpackFile(root, h, tr)
		default:
			err = fmt.Errorf("%s is neither a file nor a directory nor a link", h.Name)
		}
		if err == nil && after != nil {
			err = after(h)
		}
		if err != nil {
			return err
		}
	}
}

func unpackFile(root *os.Root, h *tar.Header, r io.Reader) error {
	f, err := root.OpenFile(h.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(h.Mode&0o755))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return root.Chtimes(h.Name, h.ModTime, h.ModTime)
}

// packInstalled writes what an installation has left in the box.
func packInstalled(w io.Writer) error {
	p := packer{tw: tar.NewWriter(w), limit: InstallBytes}
	root, err := os.OpenRoot(TreeDir)
	if err != nil {
		return err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir():
			return err
		case GitName(d.Name()):
			return fs.SkipDir
		case d.Name() != ModulesDir:
			return nil
		}
		h := &tar.Header{Name: "tree/" + name, Typeflag: tar.TypeDir, Mode: 0o755, Format: tar.FormatPAX}
		if err := p.tw.WriteHeader(h); err != nil {
			return err
		}
		if err := p.add(path.Join(TreeDir, name), "tree/"+name+"/"); err != nil {
			return err
		}
		return fs.SkipDir
	})
	if err != nil {
		return err
	}
	if err := p.add(DepsDir, "deps/"); err != nil {
		return err
	}
	return p.tw.Close()
}

// GitName reports whether some file system takes the name for .git: they ignore case, trailing dots and spaces,
// and keep a short twin.
func GitName(part string) bool {
	p := strings.ToLower(strings.TrimRight(part, ". "))
	return p == ".git" || strings.HasPrefix(p, "git~") || strings.HasPrefix(p, ".git ")
}
