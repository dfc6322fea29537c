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
	if os.Args[1] == "without" {
		boxWithout(os.Args[2])
		os.Exit(0)
	}
	if os.Args[1] == "host" {
		n, _ := strconv.Atoi(os.Args[4])
		hostBoxes(os.Args[2], os.Args[3], n)
		os.Exit(0)
	}
	if os.Args[1] == "each" && os.Getenv(routes) != "" {
		if err := addRoutes(); err != nil {
			panic(err)
		}
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

// reachable lets every user of the machine get to dir.
func reachable(t *testing.T, dir string) {
	t.Helper()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		require.NoError(t, os.Chmod(d, 0o755))
	}
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
	reachable(t, dir)
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
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: l.Port})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, udp.Close()) })
	go func() {
		for {
			_, from, err := udp.ReadFrom(make([]byte, 512))
			if err != nil {
				return
			}
			_, _ = udp.WriteTo([]byte("x"), from) // who asked is gone, or hears it
		}
	}()
	t.Setenv("HTTPS_PROXY", fmt.Sprintf("http://127.0.0.1:%d", l.Port))
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
	reachable(t, tree.Dir)
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

// TestEscapes makes every attempt, first without a box, to see that it would succeed, then in one of each backend that
// this machine has. It is not parallel: the lure is in this process's environment.
func TestEscapes(t *testing.T) {
	l := setLure(t)
	tree := armed(t, l)
	list := slices.Concat(reads, network, writes, powers)

	args := command(t, l, list)
	outside, inNet := bare(t, tree, args, 0), bare(t, tree, args, unix.CLONE_NEWUSER|unix.CLONE_NEWNET)
	for _, a := range list {
		switch {
		case a.outside == anyone, a.outside == root && os.Geteuid() == 0:
			require.NotEmpty(t, outside[a.name], "%s gets nothing even without a box", a.name)
		case a.outside == routed:
			require.NotEmpty(t, inNet[a.name], "%s gets nothing even where there is a route", a.name)
		}
	}
	for _, name := range []string{"sparse", "hard", "node", "../escaped"} {
		_ = os.Remove(filepath.Join(tree.Dir, name))
	}
	require.NoError(t, os.RemoveAll(filepath.Join(l.Dir, "escaped")))

	for _, b := range backends {
		if _, err := exec.LookPath(b.program); b.program != "" && err != nil {
			require.NotZero(t, os.Geteuid(), "%s is not installed: make test does so", b.program)
			continue // another user may not get to where it lies
		}
		box, err := sandbox.Native(sandbox.Config{Backend: b.name})
		require.NoError(t, err)
		res, err := box.Run(context.Background(), tree, sandbox.Command{Args: args, Timeout: time.Minute})
		require.NoError(t, err)
		inside := results(res.Output.String())
		for _, a := range list {
			got, tried := inside[a.name]
			require.True(t, tried, "%s was not tried in %s: %s", a.name, b.name, res.Output)
			if b.name == sandbox.GVisor && a.name == "57-sethostname-rtprio" {
				continue // what is nice there is nice to gVisor's own kernel only
			}
			require.Empty(t, got, "%s escaped from %s", a.name, b.name)
		}
	}
	left, err := os.ReadDir(l.Dir)
	require.NoError(t, err)
	require.Empty(t, left)
	secret, err := os.ReadFile(l.File)
	require.NoError(t, err)
	require.Equal(t, l.Secret, string(secret))
}

// bare makes attempts without a box. In namespaces of users and networks they find routes to all that they look for.
func bare(t *testing.T, tree *sandbox.Tree, args []string, namespaces uintptr) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir, c.WaitDelay = tree.Dir, time.Second
	if namespaces != 0 {
		c.Env = append(os.Environ(), routes+"=1")
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, UidMappings: []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}}
	}
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return results(string(out))
}

// routes is the variable that asks attempts to give their network routes first.
const routes = "DAEMON_HOTFIX_TEST_ROUTES"

// addRoutes gives the loopback addresses, and with them routes, in each of the networks that attempts look for.
func addRoutes() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for i, address := range [][4]byte{{127, 0, 0, 1}, {192, 0, 2, 9}, {169, 254, 169, 9}} {
		name := "lo"
		if i > 0 {
			name = fmt.Sprint("lo:", i)
		}
		r, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		if err := errors.Join(r.SetInet4Addr(address[:]), unix.IoctlIfreq(fd, unix.SIOCSIFADDR, r)); err != nil {
			return err
		}
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
			return err
		}
	}
	return nil
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
					if a.name == "59-fd-exhaust" {
						require.NotEmpty(t, bare(t, tree, command(t, lure{}, []attempt{a}), 0)[a.name], "it gets nothing even without a box")
					}
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
	err := exec.Command(filepath.Join(tree.Dir, "foreign")).Run()
	require.ErrorContains(t, err, foreignEnds, "this is how it ends without a box")
	res, err := native(t).Run(context.Background(), tree, sandbox.Command{Args: []string{"./foreign"}})
	require.NoError(t, err)
	require.Equal(t, 128+int(syscall.SIGSYS), res.Exit)
	require.Equal(t, sandbox.Killed, res.Cause)
}

// someUID is an ordinary user, who needs no name.
const someUID = 54321

// TestOrdinaryUser runs the tests of the box again as a user without any rights, which is another way through all of it.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		return // the other tests have shown it already
	}
	home := t.TempDir()
	reachable(t, home)
	require.NoError(t, os.Chown(home, someUID, someUID))
	binary, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	dir := filepath.Join(home, "sandbox")
	program, managers, bin := filepath.Join(dir, "sandbox.test"), filepath.Join(home, ".tools/runners/node_modules"), filepath.Join(home, ".tools/bin")
	require.NoError(t, errors.Join(os.MkdirAll(dir, 0o755), os.MkdirAll(managers, 0o755), os.MkdirAll(bin, 0o755), os.WriteFile(program, binary, 0o755)))
	// Programs, and the package managers that the registry serves: this user may not even get to where they lie.
	require.NoError(t, run("../.tools/runners/node_modules", "cp -r yarn yarn-2 yarn-3 pnpm @yarnpkg '"+managers+"'; cp -L ../../bin/bun ../../bin/deno '"+bin+"'"))
	// Go would compile its library for a user who has never done so.
	c := exec.Command(program, "-test.v", "-test.short", "-test.timeout", "10m", "-test.skip", "^TestInstall$/^go$", "-test.run",
		"^Test(Escapes|Limits|ForeignCalls|Native.*|Keep.*|Residue|Layers.*|Namespaces.*|Deadline|Nothing.*|Install.*|HostAttempts|RunnerAttempts|Backends|Mirror.*)$")
	c.Dir, c.Env, c.WaitDelay = dir, append(os.Environ(), "HOME="+home, "TMPDIR="+home, "PATH="+bin+":"+os.Getenv("PATH")), time.Second
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: someUID, Gid: someUID}}
	out, err := c.CombinedOutput()
	said := slices.DeleteFunc(strings.Split(string(out), "\n"), func(s string) bool { return strings.HasPrefix(s, "===") })
	require.NoError(t, err, strings.Join(said, "\n"))
	require.Contains(t, said, "PASS")
}
