package boot

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// Needed are the capabilities that setting up takes, in the box's own namespaces only.
var Needed = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_SETPCAP, unix.CAP_SYS_RESOURCE, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_DAC_OVERRIDE}

// raiseCapabilities makes the permitted capabilities of this thread effective again; changing the user took them
// out of force. Nothing else runs yet, and all threads at once cannot be reached before /proc is our own.
func raiseCapabilities() error {
	head, sets := capabilities(Needed)
	return unix.Capset(&head, &sets[0])
}

// capabilities returns what capset takes to make exactly these permitted and effective, and none inheritable.
func capabilities(caps []uintptr) (unix.CapUserHeader, [2]unix.CapUserData) {
	var sets [2]unix.CapUserData
	for _, c := range caps {
		sets[c/32].Effective |= 1 << (c % 32)
		sets[c/32].Permitted |= 1 << (c % 32)
	}
	return unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, sets
}

func orNil(errno syscall.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

// prctl calls prctl on every thread.
func prctl(option, a, b uintptr) error {
	_, _, errno := psx.Syscall6(unix.SYS_PRCTL, option, a, b, 0, 0, 0)
	return orNil(errno)
}

// loopbackUp brings up the only network interface there is.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// handOutListener listens where the command will look for a proxy, and gives the listener to the parent. No other
// process of the box ever holds it.
func handOutListener() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: ProxyPort, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	if err := unix.Listen(fd, ProxyAtOnce); err != nil {
		return err
	}
	return unix.Sendmsg(wireFD, []byte{1}, unix.UnixRights(fd), nil, 0)
}

func (p *first) setLimits() error {
	for resource, value := range p.Limits {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value}); err != nil {
			return fmt.Errorf("limit %d: %w", resource, err)
		}
	}
	// The box is no rival to whatever else this machine does.
	return unix.Setpriority(unix.PRIO_PROCESS, 0, 10)
}

// secureBits take from root its special treatment, for good.
const secureBits = 1<<0 | 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<6 | 1<<7 // noroot, no_setuid_fixup, keep_caps locked, no ambient

// dropCapabilities takes every capability from every thread, with all ways to get one back.
func (p *first) dropCapabilities() error {
	if p.Guest { // they are gone already, which is verified last
		return errors.Join(prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0), prctl(unix.PR_SET_DUMPABLE, 0, 0))
	}
	if err := prctl(unix.PR_SET_SECUREBITS, secureBits, 0); err != nil {
		return fmt.Errorf("secure bits: %w", err)
	}
	// Only what this thread starts is bound by it: the others start nothing, and would gain nothing by the next three.
	for c := uintptr(0); c < 64; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); errors.Is(err, syscall.EINVAL) {
			break // past the last that this kernel knows
		} else if err != nil {
			return fmt.Errorf("bounding set: %w", err)
		}
	}
	if err := prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil {
		return fmt.Errorf("ambient set: %w", err)
	}
	head, none := capabilities(nil)
	if _, _, errno := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&none[0])), 0); errno != 0 {
		return fmt.Errorf("capabilities: %w", errno)
	}
	if err := cmp.Or(p.fault("no_new_privs"), prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0)); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	return prctl(unix.PR_SET_DUMPABLE, 0, 0)
}

// landlock restricts files and signals once more, in one ruleset: a second one would forbid moving files between directories.
func (p *first) landlock() error {
	c := landlockConfig(p.ABI)
	rules := []landlock.Rule{landlock.RODirs("/"),
		landlock.RWFiles("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty").IgnoreIfMissing()}
	dirs := []string{TreeDir, "/tmp", "/home/plugin", "/dev/shm"}
	if p.Install {
		dirs = append(dirs, DepsDir)
	}
	for _, m := range p.Mounts {
		if m.Kind == Layered || m.Kind == Writable {
			dirs = append(dirs, m.Dst)
		}
	}
	rw := landlock.RWDirs(dirs...)
	if p.ABI >= 2 {
		rw = rw.WithRefer()
	}
	return c.Restrict(append(rules, rw)...)
}

// landlockConfig handles all that this version of Landlock knows but networking, of which there is none.
func landlockConfig(abi int) landlock.Config {
	versions := []landlock.Config{landlock.V1, landlock.V2, landlock.V3, landlock.V4, landlock.V5, landlock.V6, landlock.V7, landlock.V8, landlock.V9}
	c := versions[min(abi, len(versions))-1]
	c.HandledAccessNet = 0
	return c
}

// verify reads back what the kernel says of every thread, and of the bounds of this one, which the command inherits.
func verify() error {
	wanted := map[string]string{"CapInh": "0000000000000000", "CapPrm": "0000000000000000", "CapEff": "0000000000000000",
		"CapAmb": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2", "Uid": "1000\t1000\t1000\t1000"}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		err := verifyThread("/proc/self/task/"+t.Name(), wanted)
		if err != nil && !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ESRCH) { // it has ended meanwhile
			return err
		}
	}
	wanted["CapBnd"] = "0000000000000000"
	return verifyThread("/proc/thread-self", wanted)
}

// verifyThread compares what the kernel says of a thread with what is wanted.
func verifyThread(dir string, wanted map[string]string) error {
	status, err := os.ReadFile(dir + "/status")
	if err != nil {
		return err
	}
	got := map[string]string{}
	for line := range strings.Lines(string(status)) {
		k, v, _ := strings.Cut(line, ":")
		got[k] = strings.TrimSpace(v)
	}
	var wrong []error
	for k, want := range wanted {
		if got[k] != want {
			wrong = append(wrong, fmt.Errorf("%s is %q, want %q", k, got[k], want))
		}
	}
	return errors.Join(wrong...)
}
