package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A lure is what the machine holds ready for attempts to find.
type lure struct {
	Secret string // a value that is in Env, File and the memory of process Pid
	File   string // a file of the machine with that value
	Dir    string // a directory of the machine that anybody may write to
	Socket string // of a server on a path; "@" and this name of one without a path
	Port   int    // of a server on 127.0.0.1, tcp and udp
	Pid    int    // of a process of the machine
}

// An attempt tries one way out. It returns what it got, "" if it got nothing.
type attempt struct {
	name string
	// outside says who gets something when no box holds the attempt: it shows that the attempt is a real one.
	// "" is nobody for sure: it depends on the machine, or the box with wide limits shows it.
	outside string
	do      func(l lure) string
}

const (
	anyone = "anyone"
	root   = "root"
	routed = "routed" // anyone, where there are routes: the control is made in a network that has them
)

// got turns an error into what an attempt returns: no error is success.
func got(what string, err error) string {
	if err == nil {
		return what
	}
	return ""
}

// unless is got for system calls that must be refused in a certain way; any other answer means that the kernel has looked at them.
func unless(what string, errno syscall.Errno, refusals ...syscall.Errno) string {
	for _, r := range refusals {
		if errno == r {
			return ""
		}
	}
	return fmt.Sprintf("%s: %v", what, errno)
}

func open(path string, flags int) error {
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func first(tries ...string) string {
	for _, t := range tries {
		if t != "" {
			return t
		}
	}
	return ""
}

// read looks for the secret in files.
func (l lure) read(files ...string) string {
	for _, f := range files {
		if data, _ := os.ReadFile(f); bytes.Contains(data, []byte(l.Secret)) {
			return "read the secret in " + f
		}
	}
	return ""
}

func glob(pattern string) []string {
	names, _ := filepath.Glob(pattern)
	return names
}

// missing is an error if text does not contain part.
func missing(text, part string) error {
	if strings.Contains(text, part) {
		return nil
	}
	return errors.New("missing")
}

var reads = []attempt{
	{"01-env-secrets", anyone, func(l lure) string {
		return got("saw the secret in the environment", missing(strings.Join(os.Environ(), "\n"), l.Secret))
	}},
	{"02-proc-environ", anyone, func(l lure) string {
		return l.read(append(glob("/proc/[0-9]*/environ"), glob("/proc/[0-9]*/cmdline")...)...)
	}},
	{"03-home-dotfiles", root, func(lure) string {
		return first(got("listed /root", open("/root", unix.O_RDONLY)), got("read /etc/shadow", open("/etc/shadow", unix.O_RDONLY)))
	}},
	{"04-symlink-read-out", anyone, func(l lure) string { return l.read("link-to-file") }},
	{"05-proc-root-walk", anyone, func(l lure) string {
		var names []string
		for _, p := range append(glob("/proc/[0-9]*"), "/proc/self") {
			names = append(names, p+"/root"+l.File, p+"/cwd/../.."+l.File)
		}
		return l.read(names...)
	}},
	{"06-inherited-fds", anyone, func(l lure) string {
		for _, fd := range glob("/proc/self/fd/*") {
			if to, _ := os.Readlink(fd); strings.HasPrefix(to, filepath.Dir(l.File)) {
				return "holds " + to
			}
		}
		return ""
	}},
	{"52-device-nodes", root, func(lure) string {
		for _, d := range []string{"mem", "kmsg", "kvm", "fuse", "vda", "sda", "loop0", "vsock", "userfaultfd", "net/tun"} {
			if open("/dev/"+d, unix.O_RDWR) == nil {
				return "opened /dev/" + d
			}
		}
		return got("made a device node", unix.Mknod("node", unix.S_IFCHR|0o600, int(unix.Mkdev(1, 1))))
	}},
	{"54-cgroup-escape", root, func(lure) string {
		for _, d := range append(glob("/sys/fs/cgroup/*/cgroup.procs"), "/sys/fs/cgroup/cgroup.procs") {
			if open(d, unix.O_WRONLY) == nil {
				return "may write " + d
			}
		}
		return ""
	}},
}

var writes = []attempt{
	{"17-write-outside", anyone, func(l lure) string {
		for _, d := range []string{l.Dir, "/", "/etc", "/usr", "/usr/local", "/dev", "/proc", "/var/tmp", "/run", "/home", "/cache", "/old"} {
			name := filepath.Join(d, "escaped")
			if os.WriteFile(name, nil, 0o600) == nil {
				return "wrote " + name
			}
		}
		return ""
	}},
	{"18-write-through-symlink", anyone, func(lure) string {
		return got("wrote through a link", os.WriteFile("link-to-dir/escaped", nil, 0o600))
	}},
	{"19-hardlink", anyone, func(l lure) string { return got("linked a file of the machine", os.Link(l.File, "hard")) }},
	{"20-parent-and-rename", anyone, func(lure) string {
		return first(got("wrote beside the tree", os.WriteFile("../escaped", nil, 0o600)), got("renamed it", os.Rename("/tree", "/moved")))
	}},
	{"53-proc-sys-write", root, func(lure) string {
		for _, f := range []string{"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger", "/proc/sys/vm/drop_caches",
			"/proc/sys/user/max_user_namespaces", "/sys/kernel/uevent_helper"} {
			if open(f, unix.O_WRONLY) == nil {
				return "may write " + f
			}
		}
		return ""
	}},
	{"38-sparse-file", anyone, func(lure) string {
		f, err := os.Create("sparse")
		if err != nil {
			return ""
		}
		defer f.Close()
		return got("a file of 1 TiB", f.Truncate(1<<40))
	}},
}
