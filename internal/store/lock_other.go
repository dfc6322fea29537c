//go:build unix && !linux

package store

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// whole lets one process at a time have the database: only Linux has locks that name a part of a file and belong
// to who opened it.
type whole struct{ file *os.File }

func fileLocks(path string) (*locks, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is in use, and on this system one process at a time may use it: %w", path, err)
	}
	return newLocks(whole{f}), nil
}

func (w whole) try(ctx context.Context, _ int64) (bool, error)          { return ctx.Err() == nil, ctx.Err() }
func (w whole) release(int64) error                                     { return nil }
func (w whole) keep(context.Context, []int64) (lost []int64, err error) { return nil, nil }
func (w whole) close() error                                            { return w.file.Close() }
