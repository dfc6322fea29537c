//go:build linux && (amd64 || arm64)

package boot

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// denied are the system calls that no test needs and that reach deep into the kernel, or out of the box.
var denied = []uint32{
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_PROCESS_MADVISE,
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN,
	unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR, unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
	unix.SYS_KEXEC_LOAD, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_REBOOT, unix.SYS_SWAPON, unix.SYS_SWAPOFF,
	unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_FANOTIFY_INIT, unix.SYS_FANOTIFY_MARK, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
	unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
	unix.SYS_VHANGUP, unix.SYS_LOOKUP_DCOOKIE, unix.SYS_NFSSERVCTL, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_MBIND,
	unix.SYS_SET_MEMPOLICY, unix.SYS_SET_MEMPOLICY_HOME_NODE, unix.SYS_MEMFD_SECRET, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_PERSONALITY,
}

const (
	deny     = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	missing  = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	noFamily = unix.SECCOMP_RET_ERRNO | uint32(unix.EAFNOSUPPORT)
	allow    = unix.SECCOMP_RET_ALLOW
	kill     = unix.SECCOMP_RET_KILL_PROCESS
)

const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// arg is where the low half of a system call's argument lies in what a filter sees.
func arg(n uint32) uint32 { return 16 + 8*n }

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// when compares what was loaded with k and skips yes or no instructions.
func when(how uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | how | unix.BPF_K, K: k, Jt: yes, Jf: no}
}

func answer(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }

// filter is the program that the kernel runs for every system call of a box.
func filter(grouped bool) []unix.SockFilter {
	f := []unix.SockFilter{
		load(4), when(unix.BPF_JEQ, nativeArch, 1, 0), answer(kill), // another table of calls would walk past all that follows
		load(0), when(unix.BPF_JGE, 0x40000000, 0, 1), answer(kill), // the x32 table
		when(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), answer(missing), // its flags lie in memory, where no filter looks; callers fall back to clone
	}
	if !grouped { // such memory belongs to no process that a watchdog could see
		f = append(f, when(unix.BPF_JEQ, unix.SYS_MEMFD_CREATE, 0, 1), answer(missing), when(unix.BPF_JEQ, unix.SYS_SHMGET, 0, 1), answer(deny))
	}
	for _, nr := range slices.Concat(denied, deniedHere) {
		f = append(f, when(unix.BPF_JEQ, nr, 0, 1), answer(deny))
	}
	return append(f,
		when(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4),
		load(arg(0)), when(unix.BPF_JSET, newNamespaces, 0, 1), answer(deny), answer(allow),

		when(unix.BPF_JEQ, unix.SYS_IOCTL, 0, 5),
		load(arg(1)), when(unix.BPF_JEQ, unix.TIOCSTI, 1, 0), when(unix.BPF_JEQ, 0x541c /* TIOCLINUX */, 0, 1), answer(deny), answer(allow),

		when(unix.BPF_JEQ, unix.SYS_SOCKETPAIR, 0, 4),
		load(arg(0)), when(unix.BPF_JEQ, unix.AF_UNIX, 1, 0), answer(noFamily), answer(allow),

		when(unix.BPF_JEQ, unix.SYS_SOCKET, 0, 9),
		load(arg(0)),
		when(unix.BPF_JEQ, unix.AF_UNIX, 6, 0), when(unix.BPF_JEQ, unix.AF_INET, 5, 0), when(unix.BPF_JEQ, unix.AF_INET6, 4, 0),
		when(unix.BPF_JEQ, unix.AF_NETLINK, 0, 2),
		load(arg(2)), when(unix.BPF_JEQ, unix.NETLINK_ROUTE, 1, 0),
		answer(noFamily), answer(allow),

		answer(allow))
}

// filterCalls puts every thread of this process, and all that comes after it, behind the filter.
func (p *first) filterCalls() error {
	f := filter(p.Grouped)
	prog := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	stuck, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return errno
	}
	if stuck != 0 {
		return fmt.Errorf("thread %d did not follow", stuck)
	}
	return nil
}
