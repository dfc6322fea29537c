package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Native returns the box that this machine offers by itself, once a probe has shown that it holds.
func Native(c Config) (Box, error) {
	n, _, err := probe(c)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Check says what boxes this machine offers and why. The error is the one that Native would return.
func Check(c Config) ([]Finding, error) {
	_, found, err := probe(c)
	return found, err
}

// probe sets a box up and sees whether it holds.
func probe(c Config) (*native, []Finding, error) {
	c = c.withDefaults()
	n := &native{Config: c, euid: os.Geteuid(), abi: landlockABI(), tools: findTools(c)}
	if !c.noGroups {
		n.groups = findGroups()
	}
	if n.euid == 0 && c.HostUID < firstUID {
		return nil, nil, fmt.Errorf("box: the user %d may own files of this machine: give one from %d on", c.HostUID, firstUID)
	}
	found := n.describe()
	tried, err := n.canaries()
	found = append(found, tried...)
	if err != nil {
		return nil, found, fmt.Errorf("box: %w", err)
	}
	for _, f := range tried {
		if !f.Held {
			return nil, found, fmt.Errorf("box: it would not hold untrusted code: %s", f.Says)
		}
	}
	return n, found, nil
}

// describe says what will be used, and what in place of what.
func (n *native) describe() []Finding {
	user := Finding{"user", true, fmt.Sprintf("commands run as this process's own user %d, in namespaces of their own", n.euid)}
	if n.euid == 0 {
		user.Says = fmt.Sprintf("this process is root, so commands run as user %d of this machine, who owns nothing", n.HostUID)
	}
	lock := Finding{"landlock", n.abi > 0, fmt.Sprintf("version %d", n.abi)}
	if n.abi == 0 {
		lock.Says = "this kernel has none; mounts and the system call filter stand alone"
	}
	memory := Finding{"memory", true, "no cgroup may be made here: a watchdog adds up what processes hold, each has limits of its own"}
	if n.groups != nil {
		memory.Says = "cgroups below " + n.groups.memory
	}
	programs := Finding{"toolchains", len(n.tools.found) > 0, "found in PATH: " + strings.Join(n.tools.found, ", ")}
	return []Finding{user, lock, memory, programs}
}

// canaries runs two boxes: in one, the first process tries what no command may do; the other would never end by itself.
func (n *native) canaries() (_ []Finding, err error) {
	dir, err := os.MkdirTemp("", "daemon-hotfix-probe-")
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := &canary{File: filepath.Join(dir, "canary")}
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(c.File, []byte("canary"), 0o644)); err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	defer l.Close()
	c.Port = l.Addr().(*net.TCPAddr).Port

	began := time.Now()
	held, err := n.try(c, 20*time.Second)
	if err != nil {
		return nil, explain(err)
	}
	var found []Finding
	if err := json.Unmarshal(held.Report, &found); err != nil || len(found) == 0 {
		return nil, fmt.Errorf("probe: the first process of a box said nothing (%v)", err)
	}
	found = append(found, Finding{"layers", true, fmt.Sprintf("in force after %s: %s", time.Since(began).Round(time.Millisecond), strings.Join(held.Enforced, ", "))})
	late, err := n.try(&canary{Sleep: true}, 50*time.Millisecond)
	if err != nil {
		return nil, explain(err)
	}
	return append(found, Finding{"deadline", late.Cause == Timeout, fmt.Sprintf("a process that would not end was ended after %s (%s)", late.Took.Round(time.Millisecond), late.Cause)}), nil
}

func (n *native) try(c *canary, timeout time.Duration) (Result, error) {
	r := &run{native: n, canary: c, command: Command{Args: []string{"canary"}, Timeout: timeout, Memory: n.Memory}}
	return r.within(context.Background())
}

// explain says what a person can do about a box that does not even start.
func explain(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("this machine does not let this user make namespaces (user.max_user_namespaces, "+
			"kernel.apparmor_restrict_unprivileged_userns or a container's own filter): %w", err)
	}
	return fmt.Errorf("the probe did not start: %w", err)
}

// try does what no command may be able to do, from behind all layers, and reports what came of it.
func (c *canary) try() message {
	if c.Sleep {
		for {
			time.Sleep(time.Hour)
		}
	}
	var found []Finding
	see := func(name string, held bool, says string) { found = append(found, Finding{name, held, says}) }

	see("environment", len(os.Environ()) == 0, fmt.Sprintf("%d variables of the machine are visible", len(os.Environ())))
	_, err := os.ReadFile(c.File)
	see("read", err != nil, "reading a file of the machine: "+word(err))
	err = os.WriteFile(c.File+".new", nil, 0o644)
	for _, dir := range []string{"/", "/usr", "/etc", "/dev", "/proc"} {
		if e := os.WriteFile(filepath.Join(dir, "daemon-hotfix-probe"), nil, 0o644); e == nil {
			err = nil
		}
	}
	see("write", err != nil, "writing outside the tree: "+word(err))
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port), time.Second)
	if err == nil {
		conn.Close()
	}
	see("loopback", err != nil, "reaching a server of the machine: "+word(err))
	conn, err = net.Dial("udp", "192.0.2.1:53") // no packet is sent: this asks for a route only
	if err == nil {
		conn.Close()
	}
	see("route", err != nil, "finding a route to the network: "+word(err))
	err = unix.Unshare(unix.CLONE_NEWUSER)
	see("namespaces", err != nil, "becoming root of a new namespace: "+word(err))
	err = unix.Mount("none", "/tmp", "tmpfs", 0, "")
	see("mount", err != nil, "mounting: "+word(err))
	_, err = unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0)
	see("vsock", err != nil, "talking to the hypervisor: "+word(err))
	pids, err := filepath.Glob("/proc/[0-9]*")
	see("processes", err == nil && len(pids) <= 1, fmt.Sprintf("%d processes are visible", len(pids)))
	f, err := os.OpenFile("/proc/sys/kernel/core_pattern", os.O_WRONLY, 0)
	if err == nil {
		f.Close()
	}
	see("kernel", err != nil, "opening a control file of the kernel for writing: "+word(err))

	report, err := json.Marshal(found)
	if err != nil {
		return message{Err: err.Error()}
	}
	return message{Ended: true, Report: report}
}

// word is the end of a try in a word or two.
func word(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "it worked"
	case errors.As(err, &errno):
		return errno.Error()
	}
	return err.Error()
}
