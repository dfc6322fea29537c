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

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
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
func probe(c Config) (*box, []Finding, error) {
	c = c.withDefaults()
	all, err := candidatesFor(c.Backend)
	if err != nil {
		return nil, nil, fmt.Errorf("box: %w", err)
	}
	var found []Finding
	var why []error
	for _, b := range all {
		n, more, err := probeOne(c, b)
		found = append(found, more...)
		if err == nil && b.name == GVisor {
			n.fetch, _, err = probeOne(c, backends[0])
		}
		if err == nil {
			return n, append(found, others(b.name)), nil
		}
		found = append(found, Finding{Name: b.name, Held: false, Says: err.Error()})
		why = append(why, fmt.Errorf("%s: %w", b.name, err))
		if !errors.Is(err, errNoNamespaces) {
			break // nobody stands in for a box that does not hold
		}
	}
	return nil, found, fmt.Errorf("box: %w", errors.Join(why...))
}

// others says what else could make boxes here.
func others(used string) Finding {
	var says []string
	for _, b := range backends {
		if b.name == used {
			continue
		}
		how := "is there, for those who ask for it"
		if err := b.missing(); err != nil {
			how = "cannot be used: " + err.Error()
		}
		says = append(says, b.name+" "+how)
	}
	return Finding{Name: "others", Held: true, Says: strings.Join(says, "; ")}
}

// probeOne sets up a box of one backend and sees whether it holds.
func probeOne(c Config, b backend) (*box, []Finding, error) {
	n := &box{Config: c, backend: b, euid: os.Geteuid(), abi: landlockABI(), tools: findTools(c)}
	if b.name == GVisor {
		n.abi = 0 // its kernel has no Landlock
	}
	if !c.noGroups {
		n.groups = findGroups()
	}
	if n.euid == 0 && c.HostUID < firstUID {
		return nil, nil, fmt.Errorf("the user %d may own files of this machine: give one from %d on", c.HostUID, firstUID)
	}
	if err := b.missing(); err != nil {
		return nil, nil, err
	}
	found := n.describe()
	tried, err := n.canaries()
	found = append(found, tried...)
	if err != nil {
		return nil, found, err
	}
	for _, f := range tried {
		if !f.Held {
			return nil, found, fmt.Errorf("it would not hold untrusted code: %s", f.Says)
		}
	}
	return n, found, nil
}

// describe says what will be used, and what in place of what.
func (n *box) describe() []Finding {
	made := Finding{Name: "backend", Held: true, Says: "boxes are made by " + n.backend.name}
	user := Finding{Name: "user", Held: true, Says: fmt.Sprintf("commands run as this process's own user %d, in namespaces of their own", n.euid)}
	if n.euid == 0 {
		user.Says = fmt.Sprintf("this process is root, so commands run as user %d of this machine, who owns nothing", n.HostUID)
	}
	lock := Finding{Name: "landlock", Held: n.abi > 0, Says: fmt.Sprintf("version %d", n.abi)}
	if n.abi == 0 {
		lock.Says = "the kernel of a box has none; mounts and the system call filter stand alone"
	}
	memory := Finding{Name: "memory", Held: true, Says: "no cgroup may be made here: a watchdog adds up what processes hold, each has limits of its own"}
	if n.groups != nil {
		memory.Says = "cgroups below " + n.groups.memory
	}
	programs := Finding{Name: "toolchains", Held: len(n.tools.found) > 0, Says: "found in PATH: " + strings.Join(n.tools.found, ", ")}
	return []Finding{made, user, lock, memory, programs}
}

// canaries runs two boxes: in one, the first process tries what no command may do; the other would never end by itself.
func (n *box) canaries() (_ []Finding, err error) {
	sweepScratch()
	dir, remove, err := scratch()
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	c := &boot.Canary{File: filepath.Join(dir, "canary")}
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
	if err := json.Unmarshal(held.Report, &found); err != nil {
		return nil, fmt.Errorf("probe: the first process of a box said nothing that can be read: %w", err)
	}
	if len(found) == 0 {
		return nil, errors.New("probe: the first process of a box said nothing")
	}
	found = append(found, Finding{Name: "layers", Held: true, Says: fmt.Sprintf("in force after %s: %s", time.Since(began).Round(time.Millisecond), strings.Join(held.Enforced, ", "))})
	late, err := n.try(&boot.Canary{Sleep: true}, 50*time.Millisecond)
	if err != nil {
		return nil, explain(err)
	}
	return append(found, Finding{Name: "deadline", Held: late.Cause == Timeout, Says: fmt.Sprintf("a process that would not end was ended after %s (%s), and nothing was left %s after its time was up",
		late.Took.Round(time.Millisecond), late.Cause, late.Over.Round(time.Millisecond))}), nil
}

func (n *box) try(c *boot.Canary, timeout time.Duration) (Result, error) {
	r := &run{box: n, canary: c, command: Command{Args: []string{"canary"}, Timeout: timeout, Memory: n.Memory}}
	return r.within(context.Background())
}

// errNoNamespaces is the one reason for which another program may make the box.
var errNoNamespaces = errors.New("this machine does not let this user make namespaces (user.max_user_namespaces, " +
	"kernel.apparmor_restrict_unprivileged_userns or a container's own filter)")

// explain says what a person can do about a box that does not even start.
func explain(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EACCES) {
		return fmt.Errorf("%w: %w", errNoNamespaces, err)
	}
	if strings.Contains(err.Error(), "proc: "+syscall.EPERM.Error()) { // said by the first process, so it is text
		return fmt.Errorf("parts of /proc are hidden or read-only here, as a container engine or systemd's ProtectKernelTunables make them, "+
			"so the sandbox cannot mount one of its own: the probe did not start: %w", err)
	}
	return fmt.Errorf("the probe did not start: %w", err)
}
