package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage"
	"github.com/go-git/go-git/v5/storage/filesystem"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Mirrored is where the bare copy of a repository is kept below dir, "" if there is none.
func Mirrored(dir, address string) string {
	name := mirrorName(dir, address)
	if _, err := os.Stat(filepath.Join(name, "objects")); err != nil {
		return ""
	}
	return name
}

func mirrorName(dir, address string) string {
	sum := sha256.Sum256([]byte(address))
	return filepath.Join(dir, hex.EncodeToString(sum[:12]))
}

// openMirror opens the bare copy of a repository that is kept below dir, and makes it if it is not there. It is ours
// until release: fetches into one copy wait for each other, in this process and in others.
func openMirror(dir, address string) (s storage.Storer, name string, release func() error, err error) {
	name = mirrorName(dir, address)
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, "", nil, fmt.Errorf("mirror: %w", err)
	}
	if release, err = lockFile(name + ".lock"); err != nil {
		return nil, "", nil, fmt.Errorf("mirror: %w", err)
	}
	m := filesystem.NewStorage(osfs.New(name, osfs.WithBoundOS()), cache.NewObjectLRUDefault())
	if _, err := os.Stat(filepath.Join(name, "objects")); errors.Is(err, os.ErrNotExist) {
		if err := m.Init(); err != nil {
			return nil, "", nil, errors.Join(fmt.Errorf("mirror: %w", err), release())
		}
	}
	return m, name, release, nil
}

// linked is a repository with references, index and configuration of its own over the objects of a mirror. What is
// done in it is not seen in another.
func linked(mirror storage.Storer) storage.Storer { return shared{memory.NewStorage(), mirror} }
