package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
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
	"golang.org/x/sys/unix"
)

// attemptName is the name under which this program, started again, makes attempts rather than tests.
const attemptName = "attempt"

// makeAttempts runs attempts if this process was started for that: "attempt each LURE NAME..." starts one process for each.
func makeAttempts() {
	if os.Args[0] != attemptName {
		return
	}
	if os.Args[1] == "hold" {
		n, _ := strconv.Atoi(os.Args[2])
		if hold(n) == "" {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Args[1] == "host" {
		n, _ := strconv.Atoi(os.Args[4])
		hostBoxes(os.Args[2], os.Args[3], n)
		os.Exit(0)
	}
	var l lure
	if err := json.Unmarshal([]byte(os.Args[2]), &l); err != nil {
		panic(err)
	}
	l.Secret = mirror(l.Secret)
	all := slices.Concat(reads, network, writes, powers, limits)
	if os.Args[1] == "one" {
		i := slices.IndexFunc(all, func(a attempt) bool { return a.name == os.Args[3] })
		fmt.Printf("%s=%s\n", all[i].name, all[i].do(l))
		os.Exit(0)
	}
	for _, name := range os.Args[3:] {
		c := exec.Command("/proc/self/exe")
		c.Args, c.Stdout, c.Stderr = []string{attemptName, "one", os.Args[2], name}, os.Stdout, os.Stderr
		if err := c.Run(); err != nil {
			fmt.Printf("%s=\n", name) // it was ended, which is one way of being held
		}
	}
	os.Exit(0)
}

func mirror(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// setLure puts out everything that attempts look for, and lets it leak into whatever this process starts.
func setLure(t *testing.T) lure {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	l := lure{Secret: "secret-of-this-machine-" + strconv.Itoa(os.Getpid()), File: filepath.Join(dir, "secret"), Dir: filepath.Join(dir, "open"),
		Socket: filepath.Join(dir, "socket-"+strconv.Itoa(os.Getpid()))}
	require.NoError(t, os.WriteFile(l.File, []byte(l.Secret), 0o666))
	require.NoError(t, os.Mkdir(l.Dir, 0o777))
	require.NoError(t, os.Chmod(l.Dir, 0o777))
	t.Setenv("DAEMON_HOTFIX_TEST_SECRET", l.Secret)
	for _, name := range []string{l.File, dir} {
		fd, err := unix.Open(name, unix.O_RDONLY, 0) // without close-on-exec
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, unix.Close(fd)) })
	}
	for _, address := range []string{l.Socket, "@" + filepath.Base(l.Socket)} {
		s, err := net.Listen("unix", address)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tcp.Close()) })
	l.Port = tcp.Addr().(*net.TCPAddr).Port
	sleeper := exec.Command("sleep", "600")
	require.NoError(t, sleeper.Start())
	t.Cleanup(func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() })
	l.Pid = sleeper.Process.Pid
	return l
}

// armed makes a tree that holds this program and links that lead out.
func armed(t *testing.T, l lure) *sandbox.Tree {
	t.Helper()
	tree := plant(t, map[string]string{"a.txt": "a\n"})
	for d := tree.Dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	require.NoError(t, os.Symlink(l.File, filepath.Join(tree.Dir, "link-to-file")))
	require.NoError(t, os.Symlink(l.Dir, filepath.Join(tree.Dir, "link-to-dir")))
	in, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(tree.Dir, "program"), os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(out, in)
	require.NoError(t, errors.Join(err, out.Close()))
	return tree
}

func command(t *testing.T, l lure, list []attempt) []string {
	t.Helper()
	l.Secret = mirror(l.Secret) // a process may see its own arguments
	order, err := json.Marshal(l)
	require.NoError(t, err)
	args := []string{"sh", "-c", `exec -a "$0" ./program "$@"`, attemptName, "each", string(order)}
	args[0] = "bash" // exec -a is not in every sh
	for _, a := range list {
		args = append(args, a.name)
	}
	return args
}

// results reads "name=what it got" lines.
func results(out string) map[string]string {
	m := map[string]string{}
	for line := range strings.Lines(out) {
		if name, what, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			m[name] = what
		}
	}
	return m
}

// TestEscapes makes every attempt, first without a box, to see that it would succeed, then in one. It is not parallel:
// the lure is in this process's environment.
func TestEscapes(t *testing.T) {
	l := setLure(t)
	tree := armed(t, l)
	list := slices.Concat(reads, network, writes, powers)

	args := command(t, l, list)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	bare := exec.CommandContext(ctx, args[0], args[1:]...)
	bare.Dir, bare.WaitDelay = tree.Dir, time.Second
	out, err := bare.CombinedOutput()
	require.NoError(t, err, "%s", out)
	outside := results(string(out))
	for _, a := range list {
		if a.outside == anyone || a.outside == root && os.Geteuid() == 0 {
			require.NotEmpty(t, outside[a.name], "%s gets nothing even without a box", a.name)
		}
	}
	for _, name := range []string{"sparse", "hard", "node", "escaped"} {
		_ = os.Remove(filepath.Join(tree.Dir, name))
	}
	require.NoError(t, os.RemoveAll(filepath.Join(l.Dir, "escaped")))

	res, err := native(t).Run(context.Background(), tree, sandbox.Command{Args: args, Timeout: time.Minute})
	require.NoError(t, err)
	inside := results(res.Output.String())
	for _, a := range list {
		got, tried := inside[a.name]
		require.True(t, tried, "%s was not tried: %s", a.name, res.Output)
		require.Empty(t, got, "%s escaped", a.name)
	}
	left, err := os.ReadDir(l.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
	secret, err := os.ReadFile(l.File)
	require.NoError(t, err)
	require.Equal(t, l.Secret, string(secret))
}

func TestLimits(t *testing.T) {
	t.Parallel()
	narrow := sandbox.Config{Pids: 64, Disk: 64 << 20, Files: 2000}
	for _, c := range []struct {
		name   string
		config sandbox.Config
		memory int64
		held   bool
	}{
		{"as this machine offers", narrow, 192 << 20, true},
		{"without cgroups", sandbox.WithoutGroups(narrow), 192 << 20, true},
		{"wide", sandbox.Config{}, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			box, err := sandbox.Native(c.config)
			require.NoError(t, err)
			tree := armed(t, lure{File: "/nowhere", Dir: "/nowhere"})
			for _, a := range limits {
				t.Run(a.name, func(t *testing.T) {
					t.Parallel()
					res, err := box.Run(context.Background(), tree, sandbox.Command{Args: command(t, lure{}, []attempt{a}), Memory: c.memory, Timeout: time.Minute})
					require.NoError(t, err)
					got := results(res.Output.String())[a.name]
					held := c.held || a.name == "59-fd-exhaust" // the same for every box
					require.Equal(t, held, got == "", "%s: %+v", got, res)
				})
			}
		})
	}
}

// TestForeignCalls starts a program of eleven bytes that asks for its end through the 32-bit table of system calls.
func TestForeignCalls(t *testing.T) {
	t.Parallel()
	tree := plant(t, map[string]string{"a.txt": "a\n"})
	require.NoError(t, os.WriteFile(filepath.Join(tree.Dir, "foreign"), foreign(), 0o755))
	res, err := native(t).Run(context.Background(), tree, sandbox.Command{Args: []string{"./foreign"}})
	require.NoError(t, err)
	require.Equal(t, 128+int(syscall.SIGSYS), res.Exit)
	require.Equal(t, sandbox.Killed, res.Cause)
}

// TestOrdinaryUser runs the tests of the box again as a user without any rights, which is another way through all of it.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // the other tests have shown it already
	}
	home := t.TempDir()
	for d := home; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
	const nobody = 54321
	require.NoError(t, os.Chown(home, nobody, nobody))
	binary, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	program := filepath.Join(home, "sandbox.test")
	require.NoError(t, os.WriteFile(program, binary, 0o755))
	c := exec.Command(program, "-test.short", "-test.timeout", "5m", "-test.run", "^(TestEscapes|TestLimits|TestForeignCalls|TestNative.*|TestKeep.*|TestResidue|TestLayers.*|TestDeadline|TestNothing.*)$", "-test.v")
	c.Dir, c.Env, c.WaitDelay = home, append(os.Environ(), "HOME="+home, "TMPDIR="+home), time.Second
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := c.CombinedOutput()
	said := slices.DeleteFunc(strings.Split(string(out), "\n"), func(s string) bool { return strings.HasPrefix(s, "===") })
	require.NoError(t, err, strings.Join(said, "\n"))
	require.Contains(t, said, "PASS")
}
