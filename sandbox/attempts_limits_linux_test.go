package sandbox_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// limits are attempts to use more than is allowed. Their boxes allow 64 processes, 192 MiB, 64 MiB of files, 2000 files.
// The control of most is a box with wide limits, so that no test takes from the machine what others need.
var limits = []attempt{
	{"33-fork-bomb", anyone, func(lure) string {
		var all []*exec.Cmd
		defer func() {
			for _, c := range all {
				_ = c.Process.Kill()
				_ = c.Wait()
			}
		}()
		for range 120 {
			c := exec.Command("/bin/sleep", "20")
			if err := c.Start(); err != nil {
				return ""
			}
			all = append(all, c)
		}
		return "120 processes"
	}},
	{"34-memory-bomb", anyone, func(lure) string { return hold(400 << 20) }},
	{"35-memory-bomb-many", anyone, func(l lure) string {
		var all []*exec.Cmd
		for range 4 {
			c := exec.Command("/proc/self/exe")
			c.Args, c.Env = []string{attemptName, "hold", strconv.Itoa(100 << 20)}, []string{}
			if err := c.Start(); err != nil {
				return ""
			}
			all = append(all, c)
		}
		var failed error
		for _, c := range all {
			failed = errors.Join(failed, c.Wait())
		}
		return got("400 MiB in four processes", failed)
	}},
	{"36-disk-fill", "", func(lure) string {
		block := make([]byte, 16<<20)
		for i, d := range []string{".", "/tmp", "/dev/shm", "/home/plugin", ".", "/tmp", "/dev/shm", "/home/plugin"} {
			if os.WriteFile(fmt.Sprintf("%s/fill-%d", d, i), block, 0o600) != nil {
				return ""
			}
		}
		return "128 MiB of files"
	}},
	{"37-inode-bomb", "", func(lure) string {
		for i := range 4000 {
			if os.WriteFile(fmt.Sprintf("/tmp/inode-%d", i), nil, 0o600) != nil {
				return ""
			}
		}
		return "4000 files"
	}},
	{"59-fd-exhaust", "", func(lure) string {
		for range 10_000 {
			if fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil || fd < 0 {
				return ""
			}
		}
		return "10,000 descriptors"
	}},
}

// hold takes memory and uses it.
func hold(n int) string {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return ""
	}
	for i := 0; i < n; i += 4096 {
		b[i] = 1
	}
	time.Sleep(500 * time.Millisecond) // long enough for a watchdog to see it
	return fmt.Sprintf("%d MiB", n>>20)
}
