package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// scratchPrefix begins the name of every directory that this program makes among the machine's temporary ones.
const scratchPrefix = "daemon-hotfix-box-"

// scratch makes a temporary directory that is this process's until remove. The kernel lets go of it when the process
// ends, and then the next one removes it.
func scratch() (dir string, remove func() error, err error) {
	if dir, err = os.MkdirTemp("", scratchPrefix); err != nil {
		return "", nil, err
	}
	held, err := os.Open(dir)
	if err == nil {
		err = unix.Flock(int(held.Fd()), unix.LOCK_EX)
	}
	remove = func() error { return errors.Join(os.RemoveAll(dir), held.Close()) }
	if err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return dir, remove, nil
}

// sweepScratch removes the directories that processes have left which were killed. What is younger than a minute may
// not be held yet.
func sweepScratch() {
	all, _ := os.ReadDir(os.TempDir()) // whoever needs a directory there says what is wrong with it
	for _, e := range all {
		info, err := e.Info()
		if err != nil || !e.IsDir() || !strings.HasPrefix(e.Name(), scratchPrefix) || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		dir := filepath.Join(os.TempDir(), e.Name())
		held, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			continue // another user's
		}
		if unix.Flock(int(held.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(dir) // it is tried again by the next one
		}
		held.Close()
	}
}
