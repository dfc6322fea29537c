package sandbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

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

func dial(network, address string) error {
	c, err := net.DialTimeout(network, address, time.Second)
	if err == nil {
		c.Close()
	}
	return err
}

// ask sends a datagram to a port of the loopback and waits for an answer.
func ask(port int) error {
	c, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("secret.example.com"))
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	_, none := c.Read(make([]byte, 1))
	return errors.Join(err, none)
}

func socket(family, kind, proto int) string {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, proto)
	if err == nil {
		unix.Close(fd)
	}
	return got(fmt.Sprintf("socket of family %d", family), err)
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

// missing is an error if text does not contain part.
func missing(text, part string) error {
	if strings.Contains(text, part) {
		return nil
	}
	return errors.New("missing")
}

var network = []attempt{
	{"07-cloud-metadata", routed, func(lure) string { return got("a route to metadata", dial("udp", "169.254.169.254:80")) }},
	{"08-host-unix-sockets", anyone, func(l lure) string { return got("reached a socket of the machine", dial("unix", l.Socket)) }},
	{"09-abstract-unix", anyone, func(l lure) string {
		return got("reached a socket without a path", dial("unix", "@"+filepath.Base(l.Socket)))
	}},
	{"10-host-loopback", anyone, func(l lure) string {
		return got("reached the loopback", dial("tcp", fmt.Sprintf("127.0.0.1:%d", l.Port)))
	}},
	{"11-egress-route", routed, func(lure) string {
		return first(got("a route", dial("udp", "192.0.2.1:9")), got("a private route", dial("udp", "10.0.0.1:9")), got("a route", dial("udp", "[2001:db8::1]:9")))
	}},
	{"12-dns-exfil", anyone, func(l lure) string {
		data, _ := os.ReadFile("/etc/resolv.conf")
		return first(got("a resolver", missing(string(data), "nameserver")), got("an answer to a datagram", ask(l.Port)))
	}},
	{"13-raw-sockets", root, func(lure) string {
		return first(socket(unix.AF_PACKET, unix.SOCK_RAW, 0), socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP))
	}},
	{"14-vsock", "", func(lure) string { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) }},
	{"15-odd-socket-families", anyone, func(lure) string {
		for _, f := range []int{unix.AF_ALG, unix.AF_KEY, unix.AF_XDP, unix.AF_TIPC, unix.AF_RDS, unix.AF_BLUETOOTH, unix.AF_CAN, unix.AF_SMC} {
			if s := socket(f, unix.SOCK_RAW, 0); s != "" {
				return s
			}
		}
		return first(socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT), socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER))
	}},
	{"68-proxy-in-test-step", anyone, func(lure) string {
		return got("a proxy is named", missing(strings.ToLower(strings.Join(os.Environ(), "\n")), "_proxy"))
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

var powers = []attempt{
	{"42-setuid", anyone, func(lure) string {
		on, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
		if err != nil || on == 1 {
			return ""
		}
		return "may gain privileges"
	}},
	{"43-capabilities", anyone, func(lure) string {
		data, _ := os.ReadFile("/proc/self/status")
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "Cap") && strings.Trim(strings.TrimSpace(line[7:]), "0") != "" {
				return strings.TrimSpace(line)
			}
		}
		return ""
	}},
	{"44-ptrace", anyone, func(lure) string {
		// Of nobody, so that outside of a box nothing is traced: a Go program that is stops for good at its next SIGURG.
		_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, 0, 0, 0, 0, 0)
		_, _, vm := unix.RawSyscall6(unix.SYS_PROCESS_VM_READV, uintptr(os.Getpid()), 0, 0, 0, 0, 0)
		return first(unless("ptrace", errno, unix.EPERM), unless("process_vm_readv", vm, unix.EPERM))
	}},
	{"45-signal-host", anyone, func(l lure) string { return got("a process of the machine takes signals", unix.Kill(l.Pid, 0)) }},
	{"46-keyring", anyone, func(lure) string {
		_, err := unix.AddKey("user", "escaped", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
		return got("added a key", err)
	}},
	{"47-mount", root, func(lure) string {
		fd, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
		if err == nil {
			unix.Close(fd)
			return "made a file system"
		}
		_, _, errno := unix.RawSyscall(unix.SYS_UMOUNT2, 0, 0, 0)
		return unless("umount", errno, unix.EPERM)
	}},
	{"48-unshare-again", anyone, func(lure) string {
		c := exec.Command("/bin/true")
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
		_, _, errno := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
		return first(got("a new user namespace", c.Run()), unless("clone3", errno, unix.ENOSYS))
	}},
	{"49-setns", anyone, func(lure) string {
		fd, err := unix.Open("/proc/self/ns/uts", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return ""
		}
		defer unix.Close(fd)
		_, _, errno := unix.RawSyscall(unix.SYS_SETNS, uintptr(fd), unix.CLONE_NEWPID, 0) // the wrong kind
		return unless("setns", errno, unix.EPERM)
	}},
	{"50-chroot", root, func(lure) string { return got("changed root", unix.Chroot(".")) }},
	{"51-tiocsti", anyone, func(lure) string {
		c := byte('x')
		_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, 0, unix.TIOCSTI, uintptr(unsafe.Pointer(&c)))
		return unless("pushing characters into a terminal", errno, unix.EPERM)
	}},
	{"55-kernel-surface", anyone, kernelSurface},
	{"57-sethostname-rtprio", root, func(lure) string {
		name, err := os.Hostname()
		if err != nil {
			return ""
		}
		return first(got("named the machine", unix.Sethostname([]byte(name))), got("negative nice", unix.Setpriority(unix.PRIO_PROCESS, 0, -5)))
	}},
	{"58-cpu-priority", anyone, func(lure) string {
		raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0) // the system call answers 20 minus the nice value
		if err != nil || 20-raw >= 10 {
			return ""
		}
		return fmt.Sprintf("competes with nice %d", 20-raw)
	}},
	{"60-core-dump", anyone, func(lure) string {
		var l unix.Rlimit
		if unix.Getrlimit(unix.RLIMIT_CORE, &l) == nil && l.Max == 0 {
			return ""
		}
		return "may leave a core"
	}},
}

// kernelSurface calls what no test needs with arguments that do nothing anywhere. Only a filter answers before the kernel has looked at them.
func kernelSurface(lure) string {
	bad := ^uintptr(0)
	for name, call := range map[string][4]uintptr{
		"bpf":               {unix.SYS_BPF, 0, 0, 0},
		"perf_event_open":   {unix.SYS_PERF_EVENT_OPEN, 0, 0, 0},
		"userfaultfd":       {unix.SYS_USERFAULTFD, bad, 0, 0},
		"io_uring_setup":    {unix.SYS_IO_URING_SETUP, 0, 0, 0},
		"open_by_handle_at": {unix.SYS_OPEN_BY_HANDLE_AT, bad, 0, 0},
		"name_to_handle_at": {unix.SYS_NAME_TO_HANDLE_AT, bad, 0, 0},
		"fanotify_init":     {unix.SYS_FANOTIFY_INIT, bad, bad, 0},
		"pidfd_getfd":       {unix.SYS_PIDFD_GETFD, bad, 0, bad},
		"keyctl":            {unix.SYS_KEYCTL, bad, 0, 0},
		"personality":       {unix.SYS_PERSONALITY, 0xffffffff, 0, 0},
		"kcmp":              {unix.SYS_KCMP, 0, 0, bad},
		"init_module":       {unix.SYS_INIT_MODULE, 0, 0, 0},
		"mount_setattr":     {unix.SYS_MOUNT_SETATTR, bad, 0, bad},
	} {
		_, _, errno := unix.RawSyscall6(call[0], call[1], call[2], call[3], 0, 0, 0)
		if name == "init_module" && errno == unix.EPERM {
			continue
		}
		if s := unless(name, errno, unix.EPERM); s != "" {
			return s
		}
	}
	return ""
}

// limits are attempts to use more than is allowed. Their boxes allow 64 processes, 192 MiB, 64 MiB of files, 2000 files.
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
