package sandbox

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFile waits until a file is this caller's alone. The kernel lets go of it when the process ends.
func lockFile(name string) (release func() error, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return f.Close, nil
}
