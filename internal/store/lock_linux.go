package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ranges locks single bytes of an empty file that lies beside the database: one file for all locks, and the kernel
// drops them when the process dies. They are "open file description" locks, so that two stores in one process
// exclude each other too.
type ranges struct{ file *os.File }

func fileLocks(path string) (*locks, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return newLocks(ranges{f}), nil
}

func (r ranges) set(n int64, kind int16) error {
	lock := unix.Flock_t{Type: kind, Whence: unix.SEEK_SET, Start: n, Len: 1}
	return unix.FcntlFlock(r.file.Fd(), unix.F_OFD_SETLK, &lock)
}

func (r ranges) try(ctx context.Context, n int64) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	err := r.set(n, unix.F_WRLCK)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock byte %d of %s: %w", n, r.file.Name(), err)
	}
	return true, nil
}

func (r ranges) release(n int64) error { return r.set(n, unix.F_UNLCK) }

func (r ranges) keep(context.Context, []int64) (lost []int64, err error) { return nil, nil }

func (r ranges) close() error { return r.file.Close() }
