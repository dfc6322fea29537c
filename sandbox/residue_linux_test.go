package sandbox_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"golang.org/x/sync/errgroup"
)

// A host is this program making boxes, eight at once, as the daemon would: what it leaves is looked for when it has ended.
type host struct {
	tree, tmp, mark string
}

// start starts it: it says "up" when it has a box, and ends after n runs, or never if n is 0.
func (h host) start(t *testing.T, n int) *exec.Cmd {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Args, c.Env, c.Stderr = []string{attemptName, "host", h.tree, h.mark, strconv.Itoa(n)}, append(os.Environ(), "TMPDIR="+h.tmp), os.Stderr
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err, "it has no box")
	return c
}

// hostBoxes is what a host does. It fails if a run does, or leaves a descriptor open.
func hostBoxes(tree, mark string, n int) {
	box, err := sandbox.Native(sandbox.Config{})
	if err != nil {
		panic(err)
	}
	_, err = box.Run(context.Background(), &sandbox.Tree{Dir: tree}, sandbox.Command{Args: []string{"true"}})
	if err != nil {
		panic(err)
	}
	open := len(glob("/proc/self/fd/*"))
	fmt.Println("up")
	var all errgroup.Group
	all.SetLimit(8)
	for i := 0; i < n || n == 0; i++ {
		all.Go(func() error {
			args := []string{"true"}
			if i%4 == 0 {
				args = []string{"sh", "-c", "setsid sleep " + mark + " & ipcmk -M 64 >/dev/null 2>&1; touch /tmp/x /dev/shm/x; exit 0"}
			}
			res, err := box.Run(context.Background(), &sandbox.Tree{Dir: tree}, sandbox.Command{Args: args, Timeout: time.Minute})
			if err != nil || res.Exit != 0 {
				return fmt.Errorf("run %d: %+v: %w", i, res, err)
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		panic(err)
	}
	if now := len(glob("/proc/self/fd/*")); now > open {
		panic(fmt.Sprintf("%d descriptors are open, %d were", now, open))
	}
}

// What a thousand runs leave on the machine is nothing, though the process that makes the boxes is killed at any moment
// during a hundred of them.
func TestResidue(t *testing.T) {
	t.Parallel()
	runs, kills := 900, 13 // of eight runs each
	if testing.Short() {
		runs, kills = 90, 2
	}
	h := host{tree: plant(t, map[string]string{"a.txt": "a\n"}).Dir, tmp: t.TempDir(), mark: "27.1828" + fmt.Sprint(os.Getpid())}
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	require.NoError(t, h.start(t, runs).Wait())
	require.Empty(t, living(t, h.mark))

	var firsts []string
	for i := 0; i < kills || len(firsts) == 0 && i < 100; i++ { // on a busy machine the first may meet no box
		c := h.start(t, 0)
		time.Sleep(time.Duration(i) * 3 * time.Millisecond) // a moment like any other
		require.NoError(t, c.Process.Signal(syscall.SIGSTOP))
		for _, list := range glob(fmt.Sprintf("/proc/%d/task/*/children", c.Process.Pid)) {
			pids, _ := os.ReadFile(list) // gone meanwhile
			firsts = append(firsts, strings.Fields(string(pids))...)
		}
		require.NoError(t, c.Process.Kill())
		_ = c.Wait() // it was killed
	}
	require.NotEmpty(t, firsts)
	require.Eventually(t, func() bool { // the kernel takes a moment to end what was killed
		return len(living(t, h.mark)) == 0 && !slices.ContainsFunc(firsts, isFirst)
	}, 20*time.Second, 5*time.Millisecond)

	left := filepath.Join(h.tmp, "daemon-hotfix-box-1") // as a process leaves it that was killed some time ago
	require.NoError(t, os.MkdirAll(filepath.Join(left, "state"), 0o700))
	require.NoError(t, os.Chtimes(left, time.Now(), time.Now().Add(-time.Hour)))
	for end := time.Now().Add(20 * time.Second); ; { // the next one sweeps, and a killed process may be in its cgroup for a moment
		require.NoError(t, h.start(t, 1).Wait())
		if len(orphans(t)) == 0 {
			break
		}
		require.True(t, time.Now().Before(end), "%v", orphans(t))
	}
	files, err := os.ReadDir(h.tmp)
	require.NoError(t, err)
	require.Empty(t, files)
	now, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	require.Equal(t, string(mounts), string(now))
	require.Empty(t, keys(t))
}

// isFirst reports whether a process is the first one of a box.
func isFirst(pid string) bool {
	line, _ := os.ReadFile("/proc/" + pid + "/cmdline") // it is gone, as it should be
	return strings.HasPrefix(string(line), "daemon-hotfix-box")
}

// keys are those that the kernel keeps for the user that commands run as.
func keys(t *testing.T) string {
	t.Helper()
	user := os.Geteuid()
	if user == 0 {
		user = 100000
	}
	users, err := os.ReadFile("/proc/key-users")
	require.NoError(t, err)
	for line := range strings.Lines(string(users)) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == fmt.Sprint(user, ":") && !strings.HasPrefix(f[2], "0/") {
			return line
		}
	}
	return ""
}

// living lists the processes of this machine whose arguments hold mark, but for hosts.
func living(t *testing.T, mark string) []string {
	t.Helper()
	var found []string
	for _, f := range glob("/proc/[0-9]*/cmdline") {
		if line, _ := os.ReadFile(f); strings.Contains(string(line), mark) && !strings.HasPrefix(string(line), attemptName) {
			found = append(found, f+" "+string(line))
		}
	}
	return found
}

// orphans lists the cgroups of boxes whose maker is gone, where this process may have made them: another session's are not ours to sweep.
func orphans(t *testing.T) []string {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	var found []string
	for line := range strings.Lines(string(own)) {
		below := strings.SplitN(strings.TrimSpace(line), ":", 3)[2]
		found = append(found, glob(filepath.Join("/sys/fs/cgroup/*", below, "daemon-hotfix-*"))...) // version 1
		found = append(found, glob(filepath.Join("/sys/fs/cgroup", below, "daemon-hotfix-*"))...)
	}
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(dir string) bool {
		var pid int
		_, err := fmt.Sscanf(filepath.Base(dir), "daemon-hotfix-%d-", &pid)
		return err != nil || syscall.Kill(pid, 0) != syscall.ESRCH
	})
}
