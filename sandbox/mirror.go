package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// A copy of a repository is given up for a new one after this many fetches that brought something: that takes with it
// what no branch holds any more. One that nobody has fetched into for a month goes too, or for a day where all together
// take too much, the one that has rested longest first. Trees that share the objects of a copy never live for a day.
const (
	maxPacks    = 200
	mirrorBytes = 20 << 30
	mirrorAge   = 30 * 24 * time.Hour
	treeAge     = 24 * time.Hour
)

// Mirrored is where the bare copy of a repository is kept below dir, "" if there is none.
func Mirrored(dir, address string) string {
	name, _ := newest(dir, mirrorName(address))
	if _, err := os.Stat(filepath.Join(name, "objects")); err != nil {
		return ""
	}
	return name
}

func mirrorName(address string) string {
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:12])
}

// newest is the copy below dir that is fetched into: the one of the highest number. The first has none.
func newest(dir, name string) (at string, number int) {
	all, _ := os.ReadDir(dir) // there is none yet, or making one says what is wrong
	for _, e := range all {
		if n, ok := strings.CutPrefix(e.Name(), name+"."); ok {
			if n, err := strconv.Atoi(n); err == nil {
				number = max(number, n)
			}
		}
	}
	if number > 0 {
		name += "." + strconv.Itoa(number)
	}
	return filepath.Join(dir, name), number
}

// openMirror opens the bare copy of a repository that is kept below dir, and makes it if it is not there. It is ours
// until release: fetches into one copy wait for each other, in this process and in others.
func openMirror(dir, address string) (s storage.Storer, name string, release func() error, err error) {
	if err := errors.Join(os.MkdirAll(dir, 0o700), sweepMirrors(dir)); err != nil {
		return nil, "", nil, fmt.Errorf("mirror: %w", err)
	}
	if release, err = lockFile(filepath.Join(dir, mirrorName(address)+".lock")); err != nil {
		return nil, "", nil, fmt.Errorf("mirror: %w", err)
	}
	name, number := newest(dir, mirrorName(address))
	if packs, _ := filepath.Glob(filepath.Join(name, "objects", "pack", "*.pack")); len(packs) >= maxPacks {
		name = filepath.Join(dir, mirrorName(address)+"."+strconv.Itoa(number+1))
	}
	now := time.Now()
	if err := errors.Join(os.MkdirAll(name, 0o700), os.Chtimes(name, now, now)); err != nil {
		return nil, "", nil, errors.Join(fmt.Errorf("mirror: %w", err), release())
	}
	m := filesystem.NewStorage(storeAt(name), cache.NewObjectLRUDefault())
	if _, err := os.Stat(filepath.Join(name, "objects")); errors.Is(err, os.ErrNotExist) {
		if err := m.Init(); err != nil {
			return nil, "", nil, errors.Join(fmt.Errorf("mirror: %w", err), release())
		}
	}
	return m, name, release, nil
}

// storeAt is the file system of a git storage that others may write to. A file that goes while go-billy lists a directory is
// an error to it, and to go-git a sign that there are no packs at all.
func storeAt(dir string) billy.Filesystem { return shifting{osfs.New(dir, osfs.WithBoundOS())} }

type shifting struct{ billy.Filesystem }

// ReadDir lists a directory once more as long as it is there and its files are not.
func (s shifting) ReadDir(dir string) ([]os.FileInfo, error) {
	for {
		all, err := s.Filesystem.ReadDir(dir)
		if !errors.Is(err, os.ErrNotExist) {
			return all, err
		}
		if _, gone := s.Stat(dir); gone != nil {
			return nil, err
		}
	}
}

// sweepMirrors removes the copies below dir that nobody uses.
func sweepMirrors(dir string) error {
	all, taken, err := copies(dir)
	if err != nil {
		return err
	}
	for _, c := range all {
		crowded := taken > mirrorBytes
		if !unused(dir, c.name, crowded) {
			continue
		}
		address, _, _ := strings.Cut(c.name, ".")
		release, err := lockFile(filepath.Join(dir, address+".lock"))
		if err != nil {
			return err
		}
		if unused(dir, c.name, crowded) { // still, now that nobody else may begin to use it
			err = os.RemoveAll(filepath.Join(dir, c.name))
			taken -= c.bytes
		}
		if err := errors.Join(err, release()); err != nil {
			return err
		}
	}
	return nil
}

// A stock is a copy of a repository that is kept.
type stock struct {
	name    string
	touched time.Time
	bytes   int64
}

// copies are those below dir, the one that has rested longest first, and the bytes that all take.
func copies(dir string) (all []stock, taken int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !e.IsDir() { // it has gone, or is a lock
			continue
		}
		c := stock{name: e.Name(), touched: info.ModTime()}
		packs, _ := os.ReadDir(filepath.Join(dir, e.Name(), "objects", "pack")) // there is none yet
		for _, p := range packs {
			if info, err := p.Info(); err == nil {
				c.bytes += info.Size()
			}
		}
		all, taken = append(all, c), taken+c.bytes
	}
	slices.SortFunc(all, func(x, y stock) int { return x.touched.Compare(y.touched) })
	return all, taken, nil
}

// unused reports whether a copy has been there for too long: its directory is touched by each fetch.
func unused(dir, name string, crowded bool) bool {
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return false
	}
	address, _, _ := strings.Cut(name, ".")
	current, _ := newest(dir, address)
	limit := mirrorAge
	if crowded || filepath.Base(current) != name {
		limit = treeAge
	}
	return time.Since(info.ModTime()) > limit
}

// linked is a repository with references, index and configuration of its own over the objects of a mirror. What is
// done in it is not seen in another.
func linked(mirror storage.Storer) storage.Storer { return shared{memory.NewStorage(), mirror} }
