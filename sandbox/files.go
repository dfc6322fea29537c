package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// Bounds of what a tree hands out and takes in.
const (
	maxFile  = 1 << 20 // bytes of one file
	maxPath  = 1024    // bytes of a path
	maxFiles = 100_000
)

// A refusal is a file operation that was not done. It says what to do instead, so that a model can.
type refusal struct {
	says  string
	cause error
}

func (r *refusal) Error() string    { return r.says }
func (r *refusal) ForModel() string { return r.says }
func (r *refusal) Unwrap() error    { return r.cause }

func refuse(format string, args ...any) error { return &refusal{says: fmt.Sprintf(format, args...)} }

// Read returns the text of a regular file. Links are not followed out of the tree.
func (t *Tree) Read(name string) (string, error) {
	data, err := t.read(name, maxFile)
	return string(data), err
}

func (t *Tree) read(name string, limit int64) (_ []byte, err error) {
	root, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil {
		return nil, describe("read", name, err)
	}
	switch {
	case info.IsDir():
		return nil, refuse("%s is a directory: name a file in it", name)
	case !info.Mode().IsRegular():
		return nil, refuse("%s is not a regular file: links and special files are not read", name)
	case info.Size() > limit:
		return nil, refuse("%s has %d bytes, more than the %d that may be read at once", name, info.Size(), limit)
	}
	data, err := root.ReadFile(name)
	if err != nil {
		return nil, describe("read", name, err)
	}
	return data, nil
}

// Write makes a regular file hold data. Missing directories are made; an existing file keeps its mode.
func (t *Tree) Write(name, data string) error {
	if len(data) > maxFile {
		return refuse("%s would have %d bytes, more than the %d that may be written", name, len(data), maxFile)
	}
	root, err := t.open(name)
	if err != nil {
		return err
	}
	defer root.Close()
	if info, err := root.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return refuse("%s is not a regular file: choose another name", name)
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return describe("write", name, err)
	}
	if err := root.WriteFile(name, []byte(data), 0o644); err != nil {
		return describe("write", name, err)
	}
	return nil
}

// Remove deletes one regular file.
func (t *Tree) Remove(name string) error {
	root, err := t.open(name)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(name)
	if err != nil {
		return describe("remove", name, err)
	}
	if info.IsDir() {
		return refuse("%s is a directory: name the files to remove", name)
	}
	if err := root.Remove(name); err != nil {
		return describe("remove", name, err)
	}
	return nil
}

// Has reports whether name is a regular file of the tree.
func (t *Tree) Has(name string) bool {
	root, err := t.open(name)
	if err != nil {
		return false
	}
	defer root.Close()
	info, err := root.Lstat(name)
	return err == nil && info.Mode().IsRegular()
}

// exists reports whether the tree has anything of that name.
func (t *Tree) exists(name string) bool {
	root, err := t.open(name)
	if err != nil {
		return false
	}
	defer root.Close()
	_, err = root.Lstat(name)
	return err == nil
}

// Files returns the names of all regular files, sorted, without what .gitignore leaves out.
func (t *Tree) Files() ([]string, error) {
	now, err := t.files()
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(now))
	for _, f := range now {
		if f.mode.IsRegular() {
			names = append(names, f.name)
		}
	}
	return names, nil
}

// open opens the root of the tree for an operation on name, once name has been checked.
func (t *Tree) open(name string) (*os.Root, error) {
	if err := CheckPath(name); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	return root, nil
}

// describe turns an error of os.Root into one that a model can act on, if it was the name's fault.
func describe(verb, name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &refusal{fmt.Sprintf("%s does not exist", name), fs.ErrNotExist}
	case strings.Contains(err.Error(), "escapes"):
		return &refusal{fmt.Sprintf("%s leads out of the repository: name a file inside it", name), err}
	case errors.Is(err, fs.ErrExist), strings.Contains(err.Error(), "not a directory"), strings.Contains(err.Error(), "is a directory"):
		return &refusal{fmt.Sprintf("%s: a file stands where a directory is needed, or the other way round", name), err}
	}
	return fmt.Errorf("%s %s: %w", verb, name, err)
}

// CheckPath refuses names that are not plain paths inside a repository: absolute ones, dot segments, control
// characters, anything that some file system takes for .git.
func CheckPath(name string) error {
	switch {
	case name == "" || name == ".":
		return refuse("no file is named: give a path relative to the repository")
	case len(name) > maxPath:
		return refuse("the path has %d bytes, more than %d", len(name), maxPath)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable):
		return refuse("%q holds characters that a file name may not have", name)
	case strings.ContainsAny(name, "\\:"):
		return refuse("%q: use / between directories, and neither \\ nor : in names", name)
	case path.Clean(name) != name || !filepath.IsLocal(name):
		return refuse("%q is not a path inside the repository: write it relative to its root, without . and ..", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if boot.GitName(part) {
			return refuse("%q: git's own directory is out of bounds", name)
		}
	}
	return nil
}

// unprintable also names the marks that turn the reading direction, which make a name look like another.
func unprintable(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
