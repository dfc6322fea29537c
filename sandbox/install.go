package sandbox

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// Bounds of one installation.
const (
	installFiles  = 400_000
	installMemory = 4 << 30
	installMounts = 64
)

// A shelf holds what was installed for one attempt. Nothing on it is ever seen by another.
type shelf struct {
	dir  string
	mu   sync.Mutex
	done map[string]*installed
}

// installed is what came of one installation.
type installed struct {
	dir      string   // on this machine, "" if nothing was installed
	modules  []string // directories of the tree that it fills
	failed   *Result  // nil if it worked
	contacts []Contact
	notes    []string
}

// mounts returns what shows the dependencies to a command, which may write over them but not change them.
func (i *installed) mounts() []boot.Mount {
	if i.dir == "" {
		return nil
	}
	all := []boot.Mount{{Src: path.Join(i.dir, "deps"), Dst: boot.DepsDir, Kind: boot.Layered}}
	for _, m := range i.modules {
		all = append(all, boot.Mount{Src: path.Join(i.dir, "tree", m), Dst: path.Join(boot.TreeDir, m), Kind: boot.Layered})
	}
	return all
}

// key names everything that decides what is installed: the lock files and manifests, and the command that reads them.
func (t *Tree) key(tc *Toolchain) (string, error) {
	files, err := t.lockFiles(tc.Install.Locks)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %q %q\n", tc.Name, tc.Install.Command, tc.Install.Env)
	for _, f := range files {
		data, err := t.read(f, maxBlob)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %d\n", f, len(data))
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}

// lockFiles lists the files of the given names, anywhere in the tree.
func (t *Tree) lockFiles(names []string) ([]string, error) {
	root, err := os.OpenRoot(t.Dir)
	if err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	defer root.Close()
	var out []string
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (boot.GitName(d.Name()) || d.Name() == boot.ModulesDir):
			return fs.SkipDir
		case d.Type().IsRegular() && slices.Contains(names, d.Name()):
			out = append(out, name)
		}
		return nil
	})
	return out, err
}

// vanished is what package managers say of a version that cannot be had, or of a lock file that does not fit its manifest.
var vanished = regexp.MustCompile(`(?i)\b(E404|ETARGET|EUSAGE)\b|No matching version|NO_MATCHING_VERSION|ERR_PNPM_FETCH_404|OUTDATED_LOCKFILE|` +
	`YN0016|YN0035|Couldn't find (any versions|package)|lockfile needs to be updated|YN0028|No version matching|lockfile had changes|lockfile is frozen|404 Not Found|GET \S+ - 404`)

// take lays out below dir what packInstalled has written, for the user and group that boxes become, and returns the
// directories of the tree that it fills. What it reads was written by code that nobody trusts: names cannot lead out
// of dir, sizes and numbers are bounded, and links are made but never followed by this machine.
func take(r io.Reader, dir string, uid, gid int) (modules []string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	made := 0
	own := func(h *tar.Header) error {
		if made++; made > installFiles {
			return fmt.Errorf("more than %d files were installed", installFiles)
		}
		if h.Typeflag == tar.TypeDir && path.Base(h.Name) == boot.ModulesDir && strings.Count(h.Name+"/", "/"+boot.ModulesDir+"/") == 1 {
			modules = append(modules, strings.TrimPrefix(h.Name, "tree/"))
		}
		if len(modules) > installMounts {
			return fmt.Errorf("more than %d directories named %s were made", installMounts, boot.ModulesDir)
		}
		if uid < 0 {
			return nil
		}
		return root.Lchown(h.Name, uid, gid)
	}
	for _, d := range []string{"deps", "tree"} {
		if err := root.Mkdir(d, 0o755); err != nil {
			return nil, err
		}
		if err := own(&tar.Header{Name: d, Typeflag: tar.TypeDir}); err != nil {
			return nil, err
		}
	}
	limited := &io.LimitedReader{R: r, N: boot.InstallBytes + boot.InstallBytes/4} // the headers come on top
	if err := boot.UnpackInto(root, limited, own); err != nil {
		return nil, err
	}
	return modules, nil
}
