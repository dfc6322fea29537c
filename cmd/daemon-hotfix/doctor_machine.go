package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// diskNeeded is how much room a busy installation needs: the store, and trees of plugins with their dependencies.
const diskNeeded = 2 << 30 // bytes

// data looks at the data directory, the disk it is on and the store.
func (d *doctor) data(ctx context.Context) {
	dir := d.Data
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			d.add("data", problem, "Say with --data where the store goes.", "there is no home directory")
			return
		}
		dir = filepath.Join(home, ".local", "state", "daemon-hotfix")
	}
	_, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.add("data", fine, "", "%s is made by serve", dir)
	case err == nil:
		err = unix.Access(dir, unix.W_OK)
		fallthrough
	default:
		d.found("data", err, "Give the user that serve runs as the right to write to "+dir+".", "%s can be written to", dir)
	}
	d.disk(dir)
	if _, err := os.Stat(filepath.Join(dir, "key")); err == nil {
		_, err = secretKey(filepath.Join(dir, "key"))
		d.found("marker key", err, "Restore the file from a backup: with another key the daemon does not know its own issues.", "there is one; back it up with the store")
	}
	d.store(ctx, dir)
}

// disk looks at the file system that dir is on, or will be.
func (d *doctor) disk(dir string) {
	var s unix.Statfs_t
	at := dir
	for unix.Statfs(at, &s) != nil && at != filepath.Dir(at) {
		at = filepath.Dir(at)
	}
	free := s.Bavail * uint64(s.Bsize)
	status := fine
	if free < diskNeeded {
		status = warning
	}
	d.add("disk", status, "Make room, or move --data: a full disk makes serve answer 503 until there is room again.", "%.1f GiB free at %s", float64(free)/(1<<30), at)
}

// store opens the store as serve would, if there is one.
func (d *doctor) store(ctx context.Context, dir string) {
	dsn := d.Store
	if dsn == "" {
		dsn = "sqlite:" + filepath.Join(dir, "hotfix.db")
	}
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			d.add("store", fine, "", "there is none yet; serve makes %s", path)
			return
		}
	}
	const do = "`daemon-hotfix store check` says more; a backup is put in its place while the daemon is stopped."
	s, err := store.Open(ctx, store.Config{DSN: dsn})
	if err != nil {
		d.found("store", err, "Check --store, and that the database is up. "+do, "")
		return
	}
	defer s.Close()
	h, err := s.Check(ctx)
	if err == nil && len(h.Problems) > 0 {
		err = errors.New(h.Problems[0])
	}
	d.found("store", err, do, "%d cases, %d KiB", h.Cases, h.Bytes/1024)
}
