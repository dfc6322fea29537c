package sandbox_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

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
