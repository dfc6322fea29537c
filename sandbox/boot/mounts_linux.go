package boot

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// stage is where the new root is built, over a directory that every Linux has. Only this process sees it.
const stage = "/tmp"

// closeDescriptors keeps from the command what the parent has leaked, and our own two pipes.
func closeDescriptors() error {
	return unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
}

// becomeMapped opens what shall be mounted while this process may still walk to it, then becomes the user that the
// parent has mapped: for a box of root, one that owns nothing on the machine.
func (p *first) becomeMapped() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	for _, m := range p.Mounts {
		fd, err := unix.OpenTree(unix.AT_FDCWD, m.Src, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
		if err != nil {
			return fmt.Errorf("open %s: %w", m.Src, err)
		}
		p.sources = append(p.sources, fd)
	}
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return err
	}
	if p.Root {
		if err := unix.Setgroups(nil); err != nil {
			return fmt.Errorf("drop groups: %w", err)
		}
	}
	if err := unix.Setresgid(InsideID, InsideID, InsideID); err != nil {
		return fmt.Errorf("take group: %w", err)
	}
	if err := unix.Setresuid(InsideID, InsideID, InsideID); err != nil {
		return fmt.Errorf("take user: %w", err)
	}
	unix.Umask(0o022)
	// Changing the user cleared the order to die with the parent.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	return raiseCapabilities()
}

// Mount points that are gone before anything runs. A directory of the machine with such a name could not be shown.
const (
	scratchDir = "/.box-scratch"
	oldDir     = "/.box-old"
)

// buildRoot makes the root of the box: a small tmpfs with mount points, read-only pieces of the host, six devices,
// and one tmpfs of limited size for everything that can be written.
func (p *first) buildRoot() error {
	err := cmp.Or(p.fault("tmpfs"), unix.Mount("root", stage, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=16m,nr_inodes=4096,mode=0755"))
	if err != nil {
		return fmt.Errorf("mount root: %w", err)
	}
	for _, d := range []string{"proc", "dev/shm", "etc", scratchDir, "tmp", "home/plugin", TreeDir, DepsDir, oldDir} {
		if err := os.MkdirAll(filepath.Join(stage, d), 0o755); err != nil {
			return err
		}
	}
	work := stage + scratchDir
	opts := fmt.Sprintf("size=%d,nr_inodes=%d,mode=0755", p.Disk, p.Inodes)
	if err := unix.Mount("work", work, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, opts); err != nil {
		return fmt.Errorf("mount work: %w", err)
	}
	places := map[string]string{"tree": TreeDir, "tmp": "/tmp", "home": "/home/plugin", "shm": "/dev/shm"}
	if p.Install {
		places["deps"] = DepsDir
	}
	for name, dst := range places {
		src := filepath.Join(work, name)
		if err := os.Mkdir(src, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(src, stage+dst, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", dst, err)
		}
	}
	for i, m := range p.Mounts {
		if err := p.attach(p.sources[i], m, work); err != nil {
			return fmt.Errorf("mount %s: %w", m.Dst, err)
		}
	}
	for name, data := range p.Files {
		if err := os.WriteFile(stage+name, []byte(data), 0o644); err != nil {
			return err
		}
	}
	for name, target := range p.Links {
		if err := os.MkdirAll(filepath.Dir(stage+name), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(target, stage+name); err != nil {
			return err
		}
	}
	return unix.Unmount(work, unix.MNT_DETACH)
}

// attach mounts one piece of the host.
func (p *first) attach(fd int, m Mount, work string) error {
	dst := stage + m.Dst
	if m.Kind == Device {
		if _, err := os.Lstat(dst); os.IsNotExist(err) {
			if err := os.WriteFile(dst, nil, 0o644); err != nil {
				return err
			}
		}
		return unix.MoveMount(fd, "", unix.AT_FDCWD, dst, unix.MOVE_MOUNT_F_EMPTY_PATH)
	}
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return err
	}
	if info.Mode&unix.S_IFMT == unix.S_IFDIR {
		if err := os.MkdirAll(dst, 0o755); err != nil {
			return err
		}
	} else if err := errors.Join(os.MkdirAll(filepath.Dir(dst), 0o755), os.WriteFile(dst, nil, 0o644)); err != nil {
		return err
	}
	set := uint64(unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV)
	if m.Kind != Writable {
		set |= unix.MOUNT_ATTR_RDONLY
	}
	err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: set})
	if err != nil {
		return fmt.Errorf("protect: %w", err)
	}
	if err := unix.MoveMount(fd, "", unix.AT_FDCWD, dst, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil || m.Kind != Layered {
		return err
	}
	upper, scratch := filepath.Join(work, "upper-"+strconv.Itoa(fd)), filepath.Join(work, "scratch-"+strconv.Itoa(fd))
	if err := errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(scratch, 0o755)); err != nil {
		return err
	}
	return cmp.Or(p.fault("overlay"), unix.Mount("cache", dst, "overlay", unix.MS_NOSUID|unix.MS_NODEV,
		fmt.Sprintf("userxattr,lowerdir=%s,upperdir=%s,workdir=%s", dst, upper, scratch)))
}

// mountProc mounts the process table of this box, which is empty but for us.
func mountProc() error {
	return unix.Mount("proc", stage+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "hidepid=invisible")
}

// noMoreNamespaces forbids further user namespaces: in one, a process would be its own root again.
func noMoreNamespaces() error {
	return os.WriteFile(stage+"/proc/sys/user/max_user_namespaces", []byte("0"), 0)
}

// What /proc has of the machine rather than of processes.
var (
	MaskedDirs  = []string{"sys", "irq", "bus", "fs", "acpi", "scsi", "driver", "tty"}
	MaskedFiles = []string{"kcore", "keys", "key-users", "sysrq-trigger", "timer_list", "kmsg", "kallsyms", "sched_debug",
		"latency_stats", "kpagecount", "kpageflags", "kpagecgroup", "interrupts", "iomem", "ioports", "modules", "config.gz"}
)

// maskProc hides the parts of /proc that speak of the machine rather than of processes, or that write to it.
func maskProc() error {
	for _, d := range MaskedDirs {
		dir := stage + "/proc/" + d
		if _, err := os.Lstat(dir); os.IsNotExist(err) {
			continue
		}
		if err := unix.Mount("mask", dir, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=0,nr_inodes=1"); err != nil {
			return fmt.Errorf("hide /proc/%s: %w", d, err)
		}
	}
	for _, f := range MaskedFiles {
		file := stage + "/proc/" + f
		if _, err := os.Lstat(file); os.IsNotExist(err) {
			continue
		}
		if err := unix.Mount(stage+"/dev/null", file, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("hide /proc/%s: %w", f, err)
		}
	}
	return nil
}

// enterRoot makes the new root the only one there is, and read-only.
func (p *first) enterRoot() error {
	if err := cmp.Or(p.fault("pivot_root"), unix.PivotRoot(stage, stage+oldDir)); err != nil {
		return fmt.Errorf("pivot: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount(oldDir, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	if err := os.Remove(oldDir); err != nil {
		return err
	}
	if err := os.Remove(scratchDir); err != nil {
		return err
	}
	return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}
