package boot

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// try does what no command may be able to do, from behind all layers, and reports what came of it.
func (c *Canary) try() Message {
	if c.Sleep {
		for {
			time.Sleep(time.Hour)
		}
	}
	var found []Finding
	see := func(name string, held bool, says string) { found = append(found, Finding{name, held, says}) }

	vars := slices.DeleteFunc(os.Environ(), func(v string) bool { return v == "PWD=/" || v == "HOME=/home/plugin" || v == "PATH=/usr/bin" }) // a backend's own
	see("environment", len(vars) == 0, fmt.Sprintf("%d variables of the machine are visible", len(vars)))
	_, err := os.ReadFile(c.File)
	see("read", err != nil, "reading a file of the machine: "+word(err))
	err = os.WriteFile(c.File+".new", nil, 0o644)
	for _, dir := range []string{"/", "/usr", "/etc", "/dev", "/proc"} {
		if e := os.WriteFile(filepath.Join(dir, "daemon-hotfix-probe"), nil, 0o644); e == nil {
			err = nil
		}
	}
	see("write", err != nil, "writing outside the tree: "+word(err))
	err = reach(unix.SOCK_STREAM, unix.SockaddrInet4{Port: c.Port, Addr: [4]byte{127, 0, 0, 1}})
	see("loopback", err != nil, "reaching a server of the machine: "+word(err))
	err = reach(unix.SOCK_DGRAM, unix.SockaddrInet4{Port: 53, Addr: [4]byte{192, 0, 2, 1}}) // no packet is sent: this asks for a route only
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
		return Message{Err: err.Error()}
	}
	return Message{Ended: true, Report: report}
}

// reach connects a socket. Package net would do so too, but much of the program is set up before it is.
func reach(kind int, to unix.SockaddrInet4) error {
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &to)
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
