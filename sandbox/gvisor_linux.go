package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
	"golang.org/x/sys/unix"
)

// A bundle is as much of an OCI runtime's config.json as a box needs.
type bundle struct {
	Version  string        `json:"ociVersion"`
	Process  bundleProcess `json:"process"`
	Root     bundleRoot    `json:"root"`
	Hostname string        `json:"hostname"`
	Mounts   []bundleMount `json:"mounts"`
	Linux    bundleLinux   `json:"linux"`
}

type bundleProcess struct {
	User struct {
		UID int `json:"uid"`
		GID int `json:"gid"`
	} `json:"user"`
	Args            []string            `json:"args"`
	Env             []string            `json:"env"`
	Cwd             string              `json:"cwd"`
	Capabilities    map[string][]string `json:"capabilities"`
	NoNewPrivileges bool                `json:"noNewPrivileges"`
}

type bundleRoot struct {
	Path     string `json:"path"`
	ReadOnly bool   `json:"readonly"`
}

type bundleMount struct {
	Destination string   `json:"destination"`
	Type        string   `json:"type"`
	Source      string   `json:"source"`
	Options     []string `json:"options,omitempty"`
}

type bundleLinux struct {
	Namespaces []struct {
		Type string `json:"type"`
	} `json:"namespaces"`
	MaskedPaths   []string `json:"maskedPaths"`
	ReadonlyPaths []string `json:"readonlyPaths"`
}

// bundle is the run as an OCI runtime is told of it: an empty, read-only root, with the same pieces of this machine that
// a native box shows, and memory of limited size for all that can be written.
func (r *run) bundle(root string) bundle {
	b := bundle{Version: "1.1.0", Hostname: "box", Root: bundleRoot{root, true}}
	b.Process = bundleProcess{Args: []string{guestProgram}, Env: []string{"PATH=/usr/bin"}, Cwd: "/", NoNewPrivileges: true, Capabilities: map[string][]string{}}
	b.Process.User.UID, b.Process.User.GID = boot.InsideID, boot.InsideID
	b.Mounts = []bundleMount{{"/proc", "proc", "proc", []string{"nosuid", "nodev", "noexec"}}, {"/dev", "tmpfs", "tmpfs", []string{"nosuid", "size=65536"}}}
	for dir, share := range map[string]int64{boot.TreeDir: 2, "/tmp": 4, "/home/plugin": 8, "/dev/shm": 8} {
		b.Mounts = append(b.Mounts, bundleMount{dir, "tmpfs", "tmpfs", []string{"nosuid", "nodev", "mode=0777", "size=" + strconv.FormatInt(r.disk()/share, 10)}})
	}
	for _, m := range r.shown() {
		switch m.Kind {
		case boot.Device: // runsc makes its own
		case boot.Writable:
			b.Mounts = append(b.Mounts, bundleMount{m.Dst, "bind", m.Src, []string{"rbind", "rw", "nosuid", "nodev"}})
		default:
			b.Mounts = append(b.Mounts, bundleMount{m.Dst, "bind", m.Src, []string{"rbind", "ro", "nosuid", "nodev"}})
		}
	}
	for _, kind := range []string{"pid", "ipc", "uts", "mount", "network"} {
		b.Linux.Namespaces = append(b.Linux.Namespaces, struct {
			Type string `json:"type"`
		}{kind})
	}
	for _, d := range boot.MaskedDirs {
		b.Linux.MaskedPaths = append(b.Linux.MaskedPaths, "/proc/"+d)
	}
	for _, d := range []string{"/dev/fuse", "/dev/net/tun"} { // of its own kernel, which gives them to every container; no test needs one
		b.Mounts = append(b.Mounts, bundleMount{d, "bind", filepath.Join(root, "etc/hostname"), []string{"bind", "ro"}})
	}
	slices.SortStableFunc(b.Mounts, func(x, y bundleMount) int { return len(x.Destination) - len(y.Destination) })
	return b
}

// inGVisor has runsc run this program as the first process of a container without a network.
func inGVisor(ctx context.Context, r *run, pipes []*os.File) (child, error) {
	if r.proxy != nil {
		return child{}, errNoProxy
	}
	program, err := openRunsc()
	if err != nil {
		return child{}, err
	}
	dir, remove, err := scratch()
	if err != nil {
		return child{}, err
	}
	c := child{clean: func() error {
		return errors.Join(r.runsc(context.Background(), program, dir, "delete", "--force", filepath.Base(dir)).Run(), remove())
	}}
	root := filepath.Join(dir, "root")
	if err := r.layOut(root); err != nil {
		return c, err
	}
	spec, err := json.Marshal(r.bundle(root))
	if err := errors.Join(err, os.WriteFile(filepath.Join(dir, "config.json"), spec, 0o644), os.Mkdir(filepath.Join(dir, "state"), 0o700), own(dir, r.owner(), r.ownerGroup())); err != nil {
		return c, err
	}
	args := []string{"run", "--bundle", dir}
	for i := range pipes {
		args = append(args, fmt.Sprintf("--pass-fd=%d:%d", 3+i, 3+i))
	}
	c.Cmd = r.runsc(ctx, program, dir, append(args, filepath.Base(dir))...)
	c.ExtraFiles = pipes
	return c, nil
}

// openRunsc returns a name of the program that every user of this machine can run it by, wherever it lies: that of a
// descriptor, whose number is past those that a child is given.
var openRunsc = sync.OnceValues(func() (string, error) {
	name, err := exec.LookPath("runsc")
	if err != nil {
		return "", err
	}
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 64)
	return fmt.Sprintf("/proc/self/fd/%d", high), err
})

// runsc is a call of the program as the user that boxes become, with its state in dir.
func (r *run) runsc(ctx context.Context, program, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, append([]string{"--root", filepath.Join(dir, "state"), "--rootless", "--network=none", "--ignore-cgroups",
		"--platform=systrap", "--host-uds=none", "--host-fifo=none", "--overlay2=none"}, args...)...)
	cmd.Env, cmd.WaitDelay = []string{"PATH=/usr/bin:/bin", "HOME=" + dir, "TMPDIR=" + dir, "XDG_RUNTIME_DIR=" + dir}, 2*time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if r.euid == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(r.HostUID), Gid: uint32(r.HostUID), Groups: []uint32{}}
	}
	return cmd
}

// layOut makes the root that a container starts from: mount points, the few files of /etc, and this program.
func (r *run) layOut(root string) error {
	dirs := []string{"proc", "dev/shm", "tmp", "home/plugin", "tree", "deps", "box"}
	for _, m := range r.shown() {
		if info, err := os.Stat(m.Src); err == nil && info.IsDir() {
			dirs = append(dirs, m.Dst)
		} else if err == nil && m.Kind != boot.Device {
			dirs = append(dirs, filepath.Dir(m.Dst))
		}
	}
	for _, d := range dirs {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			return err
		}
	}
	files := merged(r.files())
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := errors.Join(os.MkdirAll(filepath.Dir(root+name), 0o755), os.WriteFile(root+name, []byte(files[name]), 0o644)); err != nil {
			return err
		}
	}
	for name, target := range r.tools.links {
		if err := errors.Join(os.MkdirAll(filepath.Dir(root+name), 0o755), os.Symlink(target, root+name)); err != nil {
			return err
		}
	}
	return copySelf(root + guestProgram)
}

// copySelf copies this program to a place that others may read.
func copySelf(to string) error {
	data, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755) //nolint:gosec // to is in a directory that we made
}

// own gives everything below dir to a user, if this process may.
func own(dir string, uid, gid int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, uid, gid) //nolint:gosec // nobody else writes there yet, and no link is followed
	})
}
