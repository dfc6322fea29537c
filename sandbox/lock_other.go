//go:build !linux

package sandbox

import (
	"os"
	"time"
)

// lockFile waits until a file is this caller's alone. A process that was killed leaves it behind.
func lockFile(name string) (release func() error, err error) {
	for {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			return func() error { return os.Remove(name) }, f.Close()
		}
		if !os.IsExist(err) {
			return nil, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}
