package sandbox_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
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

// Nor is a step of a layer left out: what it needs of the kernel may be missing though the layer's other steps work.
func TestLayersNeedEachStep(t *testing.T) {
	t.Parallel()
	for step, says := range map[string]string{"tmpfs": "files: mount root: ", "pivot_root": "root: pivot: ", "no_new_privs": "capabilities: no new privileges: "} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			_, err := sandbox.Native(sandbox.WithBroken(sandbox.Config{}, map[string]int{step: int(syscall.ENODEV)}))
			require.ErrorContains(t, err, says+syscall.ENODEV.Error())
		})
	}
	t.Run("overlay", func(t *testing.T) {
		t.Parallel()
		box, err := sandbox.Native(sandbox.WithBroken(sandbox.Config{}, map[string]int{"overlay": int(syscall.ENODEV)}))
		require.NoError(t, err, "nothing that it shows to the probe takes writes over something else")
		r := newRegistry(t)
		r.double()
		tree := plant(t, node())
		_, err = sandbox.Test(context.Background(), r.box(), tree, tree.Toolchain(), "") // installs
		require.NoError(t, err)
		_, err = box.Run(context.Background(), tree, sandbox.Command{Toolchain: tree.Toolchain(), Args: []string{"true"}})
		require.ErrorContains(t, err, syscall.ENODEV.Error())
	})
}

// TestNamespacesAreRequired takes each kind of namespace away for real, in a user namespace of its own: there is no box
// without one of them.
func TestNamespacesAreRequired(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"none", "user", "mnt", "pid", "net", "ipc", "uts", "cgroup"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c := exec.Command("/proc/self/exe")
			c.Args = []string{attemptName, "without", kind}
			c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, AmbientCaps: []uintptr{unix.CAP_SYS_RESOURCE},
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Geteuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getegid(), Size: 1}}}
			out, err := c.CombinedOutput()
			require.NoError(t, err, "%s", out)
			if kind == "none" {
				require.Equal(t, "a box\n", string(out))
				return
			}
			require.Contains(t, string(out), "does not let this user make namespaces")
		})
	}
}

// boxWithout says whether there is a native box where one kind of namespace may not be made.
func boxWithout(kind string) {
	if kind != "none" {
		if err := os.WriteFile("/proc/sys/user/max_"+kind+"_namespaces", []byte("0"), 0); err != nil {
			panic(err)
		}
	}
	if _, err := sandbox.Native(sandbox.Config{Backend: sandbox.NativeBackend}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a box")
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

// hostileTrees are scripts that do not want to end. MARK is what their sleepers sleep.
var hostileTrees = []string{
	"trap '' TERM INT HUP QUIT; sleep MARK & kill -STOP $$",
	"for i in 1 2 3 4; do (setsid sh -c \"trap '' TERM; sleep MARK; sleep 60\" &) ; done; sleep 60",
	"kill -STOP -1; sleep 60",
	"(exec sleep MARK) & exec >/dev/null 2>&1; while :; do :; done",
	"for i in $(seq 40); do sleep MARK & done; wait",
	"f() { sleep 0.02; f & }; f; sleep MARK",
	"setsid sh -c 'setsid sh -c \"setsid sleep MARK & sleep MARK\" & sleep MARK' & wait",
	"sleep MARK & kill -STOP $!; exec 3>&1 4>&2; sleep MARK",
	"head -c 50000000 /dev/zero >/dev/shm/full; cat </dev/zero >/dev/null & sleep MARK",
	"mkfifo pipe; cat pipe & (exec sleep MARK >pipe) & exec cat pipe",
}

// A hundred hostile process trees: each call returns, and 250 ms after its time is up no process of it is left. The box
// takes the time itself, from the deadline to the end of its last process. A machine that is busy with other things ends
// everything later: a tree that took longer is sent again by itself, and what really lives on does so each time.
func TestDeadline(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "a\n"})
	mark := "31.4159" + fmt.Sprint(os.Getpid())
	box := native(t)
	send := func(script string) (time.Duration, error) {
		res, err := box.Run(context.Background(), tree, sandbox.Command{Args: []string{"sh", "-c", script}, Timeout: 300 * time.Millisecond})
		if err != nil || res.Cause != sandbox.Timeout || res.Exit != 137 {
			return 0, fmt.Errorf("%s: %+v: %w", script, res, err)
		}
		return res.Over, nil
	}
	const bound = 250 * time.Millisecond
	var all errgroup.Group
	all.SetLimit(6)
	var again [100]string
	for i := range again {
		all.Go(func() error {
			script := strings.ReplaceAll(hostileTrees[i%len(hostileTrees)], "MARK", mark)
			over, err := send(script)
			if over > bound {
				again[i] = script
			}
			return err
		})
	}
	require.NoError(t, all.Wait())
	for _, script := range again {
		for try := 0; script != ""; try++ {
			over, err := send(script)
			require.NoError(t, err)
			if over <= bound {
				break
			}
			require.Less(t, try, 10, "%s: something lived on for %s", script, over)
		}
	}
	require.Empty(t, living(t, mark))
}

// What one command leaves, the next does not find (64-cache-poison). Without a box it does, in any place that both may write to.
func TestNothingIsHandedOn(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for _, script := range []string{`mkdir -p "$HOME/.cache"; echo mark >"$HOME/.cache/mark"`, `grep -q mark "$HOME/.cache/mark"`} {
		require.NoError(t, run(t.TempDir(), "HOME='"+home+"'; "+script), "without a box the next finds it")
	}
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
	bare := exec.Command("node", "s.js")
	bare.Dir = tree.Dir
	require.NoError(t, bare.Start())
	require.Eventually(t, func() bool { return dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)) == nil }, 20*time.Second, 5*time.Millisecond, "without a box it is reached")
	require.NoError(t, bare.Wait())
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
