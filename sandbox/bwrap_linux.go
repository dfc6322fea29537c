package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strconv"
	"syscall"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
	"golang.org/x/sys/unix"
)

// guestProgram is where a guest finds this program, to be its first process.
const guestProgram = "/box/" + boot.Name

// inBubblewrap has bubblewrap make the namespaces and the root. This program is started in them with all capabilities
// gone, and adds what bubblewrap has not: resource limits, Landlock, the filter of system calls. Started by root,
// bubblewrap runs as the user that boxes of root become: what root maps for itself stays root to the kernel.
func inBubblewrap(ctx context.Context, r *run, pipes []*os.File) (child, error) {
	w := wrapping{r: r, files: pipes}
	w.add("--unshare-all", "--unshare-user", "--uid", strconv.Itoa(boot.InsideID), "--gid", strconv.Itoa(boot.InsideID), "--cap-drop", "ALL", "--clearenv",
		"--die-with-parent", "--new-session", "--as-pid-1", "--hostname", "box", "--proc", "/proc")
	for _, m := range r.shown() {
		switch m.Kind {
		case boot.Device:
			w.add("--dev-bind-try", m.Src, m.Dst)
		case boot.Writable:
			w.add("--bind", m.Src, m.Dst)
		default:
			w.add("--ro-bind-try", m.Src, m.Dst)
		}
	}
	for name, target := range r.tools.links {
		w.add("--symlink", target, name)
	}
	for name, data := range r.files() {
		w.data(name, "0644", []byte(data))
	}
	for dir, share := range map[string]int64{boot.TreeDir: 2, "/tmp": 4, "/home/plugin": 8, "/dev/shm": 8} {
		w.add("--size", strconv.FormatInt(r.disk()/share, 10), "--tmpfs", dir)
	}
	if r.into != "" {
		w.add("--size", strconv.FormatInt(r.disk()/2, 10), "--tmpfs", boot.DepsDir)
	}
	for _, d := range boot.MaskedDirs {
		if _, err := os.Stat("/proc/" + d); err == nil {
			w.add("--size", "4096", "--tmpfs", "/proc/"+d, "--remount-ro", "/proc/"+d)
		}
	}
	for _, f := range boot.MaskedFiles {
		if _, err := os.Stat("/proc/" + f); err == nil {
			w.add("--dev-bind", "/dev/null", "/proc/"+f)
		}
	}
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return child{given: w.own}, err
	}
	w.own = append(w.own, self)
	w.fd("--perms", "0755", "--ro-bind-data", self, guestProgram)
	return w.child(ctx)
}

// A wrapping is a command line of bubblewrap in the making.
type wrapping struct {
	r     *run
	args  []string
	files []*os.File // in the order of descriptors, from 3 on
	own   []*os.File // those that are closed when bubblewrap has them
	err   error
}

func (w *wrapping) add(args ...string) { w.args = append(w.args, args...) }

// fd adds options of which the last but one is a descriptor.
func (w *wrapping) fd(perms, mode, option string, f *os.File, dst string) {
	w.files = append(w.files, f)
	w.add(perms, mode, option, strconv.Itoa(2+len(w.files)), dst)
}

// data adds a file of the root that holds data.
func (w *wrapping) data(name, mode string, data []byte) {
	fd, err := unix.MemfdCreate("box", unix.MFD_CLOEXEC)
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	f := os.NewFile(uintptr(fd), path.Base(name))
	w.own = append(w.own, f)
	_, err = f.Write(data)
	_, seek := f.Seek(0, io.SeekStart)
	w.err = errors.Join(w.err, err, seek)
	w.fd("--perms", mode, "--ro-bind-data", f, name)
}

// child is the finished command.
func (w *wrapping) child(ctx context.Context) (child, error) {
	says, tell, err := os.Pipe()
	if err := errors.Join(err, w.err); err != nil {
		return child{given: w.own}, err
	}
	w.own = append(w.own, tell)
	w.files = append(w.files, tell)
	w.add("--info-fd", strconv.Itoa(2+len(w.files)), "--remount-ro", "/", "--chdir", "/", guestProgram)
	c := child{given: w.own, clean: says.Close, Cmd: exec.CommandContext(ctx, "bwrap", w.args...)}
	c.Env, c.ExtraFiles = []string{}, w.files
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if w.r.euid == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(w.r.HostUID), Gid: uint32(w.r.HostUID), Groups: []uint32{}}
	}
	c.first = func() (int, error) {
		var info struct {
			Pid int `json:"child-pid"`
		}
		if err := json.NewDecoder(says).Decode(&info); err != nil || info.Pid == 0 {
			return 0, fmt.Errorf("bubblewrap did not say what it has started: %w", err)
		}
		return info.Pid, nil
	}
	return c, nil
}
