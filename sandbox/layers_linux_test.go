package sandbox_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A layer that cannot be set up is a refusal, never a weaker box.
func TestLayersAreRequired(t *testing.T) {
	t.Parallel()
	for _, layer := range []string{"descriptors", "user", "files", "proc", "network", "namespaces", "masks", "root", "limits", "capabilities",
		"landlock", "seccomp", "verify", "cgroup"} {
		for _, errno := range []syscall.Errno{syscall.EPERM, syscall.ENOSYS, syscall.ENOMEM} {
			t.Run(fmt.Sprintf("%s %v", layer, errno), func(t *testing.T) {
				t.Parallel()
				if layer == "cgroup" && os.Geteuid() != 0 {
					return // an ordinary user has none to lose
				}
				_, err := sandbox.Native(sandbox.WithBroken(sandbox.Config{}, map[string]int{layer: int(errno)}))
				require.ErrorContains(t, err, layer+": "+errno.Error())
				if layer == "proc" && errno == syscall.EPERM {
					require.ErrorContains(t, err, "ProtectKernelTunables", "it says what a person can do")
				}
			})
		}
	}
}

// A command that ran without a layer has no result, though the layer was left out in silence.
func TestLayersAreInEveryResult(t *testing.T) {
	t.Parallel()
	for _, layer := range []string{"descriptors", "network", "limits", "verify", "landlock", "masks"} {
		t.Run(layer, func(t *testing.T) {
			t.Parallel()
			_, err := sandbox.Native(sandbox.WithBroken(sandbox.Config{}, map[string]int{layer: -1}))
			var missing *sandbox.MissingError
			require.ErrorAs(t, err, &missing)
			require.Equal(t, []string{layer}, missing.Layers)
		})
	}
}

// A layer that is left out in silence is noticed by the layers and tries that follow.
func TestLayersAreVerified(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		left []string
		says string
	}{
		{"capabilities", []string{"capabilities"}, "CapEff"},
		{"seccomp", []string{"seccomp"}, `Seccomp is "0"`},
		{"user", []string{"user"}, "did not start"},
		{"files", []string{"files"}, "did not start"},
		{"proc", []string{"proc"}, "did not start"},
		{"all that is read back", []string{"capabilities", "seccomp", "verify"}, "would not hold untrusted code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			broken := map[string]int{}
			for _, l := range c.left {
				broken[l] = 0
			}
			_, err := sandbox.Native(sandbox.WithBroken(sandbox.Config{}, broken))
			require.ErrorContains(t, err, c.says)
		})
	}
}

// Many hostile process trees at once: each call returns, and nothing of them lives on.
func TestDeadline(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "a\n"})
	mark := "31.4159" + fmt.Sprint(os.Getpid())
	for i := range 6 {
		for _, script := range []string{
			"trap '' TERM INT HUP QUIT; sleep " + mark + " & kill -STOP $$",
			"for i in 1 2 3 4; do (setsid sh -c \"trap '' TERM; sleep " + mark + "; sleep 60\" &) ; done; sleep 60",
			"kill -STOP -1; sleep 60",
			"(exec sleep " + mark + ") & exec >/dev/null 2>&1; while :; do :; done",
		} {
			t.Run(fmt.Sprint(i, script), func(t *testing.T) {
				t.Parallel()
				res, err := native(t).Run(context.Background(), tree, sandbox.Command{Args: []string{"sh", "-c", script}, Timeout: time.Second})
				require.NoError(t, err)
				require.Equal(t, sandbox.Timeout, res.Cause)
				require.Equal(t, 137, res.Exit)
			})
		}
	}
	t.Cleanup(func() { require.Empty(t, living(t, mark)) })
}

// living lists the processes of this machine whose arguments hold mark.
func living(t *testing.T, mark string) []string {
	t.Helper()
	var found []string
	for _, f := range glob("/proc/[0-9]*/cmdline") {
		if line, _ := os.ReadFile(f); strings.Contains(string(line), mark) {
			found = append(found, f+" "+string(line))
		}
	}
	return found
}

// What a box leaves behind: nothing, also when the process that made it is killed.
func TestResidue(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "a\n"})
	mark := "27.1828" + fmt.Sprint(os.Getpid())
	box := native(t)
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	for range 20 {
		res, err := box.Run(context.Background(), tree, sandbox.Command{Args: []string{"sh", "-c", "setsid sleep " + mark + " & ipcmk -M 64 >/dev/null 2>&1; touch /tmp/x /dev/shm/x; exit 0"}})
		require.NoError(t, err)
		require.Equal(t, 0, res.Exit, res.Output)
	}
	require.Empty(t, living(t, mark))
	now, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	require.Equal(t, string(mounts), string(now))

	for range 5 {
		c := exec.Command("/proc/self/exe")
		c.Args = []string{attemptName, "host", mark}
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		_, err = out.Read(make([]byte, 1)) // the box is up
		require.NoError(t, err)
		require.Eventually(t, func() bool { return len(living(t, mark)) > 1 }, 20*time.Second, 5*time.Millisecond)
		require.NoError(t, c.Process.Kill())
		_ = c.Wait() // it was killed
		require.Eventually(t, func() bool { return len(living(t, mark)) == 0 }, 20*time.Second, 5*time.Millisecond)
	}
	require.Eventually(t, func() bool { // the kernel takes a moment to end what was killed
		_, err := sandbox.Native(sandbox.Config{}) // sweeps
		return err == nil && len(orphans()) == 0
	}, 20*time.Second, 10*time.Millisecond, "%v", orphans())
}

// orphans lists cgroups whose maker is gone.
func orphans() []string {
	return slices.DeleteFunc(append(glob("/sys/fs/cgroup/*/daemon-hotfix-*"), glob("/sys/fs/cgroup/*/*/*/daemon-hotfix-*")...), func(dir string) bool {
		var pid int
		_, err := fmt.Sscanf(filepath.Base(dir), "daemon-hotfix-%d-", &pid)
		return err != nil || syscall.Kill(pid, 0) != syscall.ESRCH
	})
}

// hostBox runs a box until it is killed, for TestResidue.
func hostBox(mark string) {
	box, err := sandbox.Native(sandbox.Config{})
	if err != nil {
		panic(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	fmt.Println("up")
	_, _ = box.Run(context.Background(), &sandbox.Tree{Dir: filepath.Join(dir, "testdata")}, sandbox.Command{Args: []string{"sleep", mark}, Timeout: time.Minute})
}

// What one command leaves, the next does not find.
func TestNothingIsHandedOn(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"go.mod": "module x\n"})
	leave := sandbox.Command{Cache: "go", Args: []string{"sh", "-c", "for d in /tree /tmp /home/plugin /dev/shm /cache/go /cache/go/00 /cache/gomod; do echo mark >$d/mark 2>/dev/null; done; true"}}
	find := sandbox.Command{Cache: "go", Args: []string{"sh", "-c", "find / -name mark -not -path '/proc/*' -not -path '/usr/*' 2>/dev/null; ls /cache"}}
	box, err := sandbox.Native(sandbox.Config{Cache: "-"})
	require.NoError(t, err)
	_, err = box.Run(context.Background(), tree, leave)
	require.NoError(t, err)
	res, err := box.Run(context.Background(), tree, find)
	require.NoError(t, err)
	require.NotContains(t, res.Output.String(), "mark")
}

// The status is the command's own: a command cannot end what watches it.
func TestNothingForgesAStatus(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "a\n"})
	for _, c := range []struct {
		name, script string
		exit         int
	}{
		{"first process", "kill -9 1; kill -STOP 1; exit 3", 3},
		{"everyone else", "kill -9 -1; exit 4", 4},
		{"parent", "kill -9 $PPID; exit 5", 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res := sh(t, tree, c.script)
			require.Equal(t, c.exit, res.Exit)
			require.Equal(t, sandbox.Exited, res.Cause)
		})
	}
}

// A server in a box cannot be reached from the machine.
func TestNothingListensOutside(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free a moment later
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	tree := plant(t, map[string]string{"s.js": fmt.Sprintf(`const net = require('net');
const s = net.createServer(c => c.end()).listen(%d, '0.0.0.0', () => net.connect(%d, '127.0.0.1').on('connect', () => { console.log('inside'); setTimeout(() => process.exit(0), 1000); }));`, port, port)})
	reached := make(chan bool, 1)
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				reached <- false
				return
			default:
			}
			if dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)) == nil {
				reached <- true
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	res, err := native(t).Run(context.Background(), tree, sandbox.Command{Args: []string{"node", "s.js"}})
	close(stop)
	require.NoError(t, err)
	require.Equal(t, "inside\n", res.Output.String())
	require.False(t, <-reached)
}
