package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// groups is where the cgroups of boxes are made: one directory that holds both controllers (version 2), or one of each (version 1).
type groups struct {
	memory, pids string
	v2           bool
}

// A group is the cgroup of one box.
type group struct {
	dirs []string
	v2   bool
}

const groupPrefix = "daemon-hotfix-"

// findGroups looks for a place where this process may make cgroups with limits, nil if there is none.
func findGroups() *groups {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	for _, g := range candidates(string(mounts), string(own)) {
		g.sweep()
		probe, err := g.make(64<<20, 16)
		if err == nil && probe.remove() == nil {
			return g
		}
	}
	return nil
}

// candidates lists places to try: below our own cgroup, so that what binds us binds the box, then at the top.
func candidates(mounts, own string) []*groups {
	points := map[string]string{} // controller ("" for version 2) to where it is mounted
	for line := range strings.Lines(mounts) {
		before, after, ok := strings.Cut(strings.TrimSpace(line), " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 3 {
			continue
		}
		switch kind[0] {
		case "cgroup2":
			points[""] = fields[4]
		case "cgroup":
			for option := range strings.SplitSeq(kind[2], ",") {
				points[option] = fields[4]
			}
		}
	}
	paths := map[string]string{}
	for line := range strings.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 {
			for c := range strings.SplitSeq(parts[1], ",") {
				paths[c] = parts[2]
			}
		}
	}
	var out []*groups
	if m, p := points["memory"], points["pids"]; m != "" && p != "" {
		out = append(out, &groups{memory: filepath.Join(m, paths["memory"]), pids: filepath.Join(p, paths["pids"])})
	}
	if u := points[""]; u != "" {
		for _, dir := range []string{filepath.Join(u, paths[""]), u} {
			out = append(out, &groups{memory: dir, pids: dir, v2: true})
		}
	}
	return out
}

// make makes a cgroup with limits.
func (g *groups) make(memory int64, pids int) (*group, error) {
	name := fmt.Sprintf("%s%d-%s", groupPrefix, os.Getpid(), rand.Text()[:8])
	m, p := filepath.Join(g.memory, name), filepath.Join(g.pids, name)
	made := &group{v2: g.v2, dirs: []string{m}}
	if m != p {
		made.dirs = append(made.dirs, p)
	}
	for _, d := range made.dirs {
		if err := os.Mkdir(d, 0o755); err != nil {
			return nil, errors.Join(err, made.remove())
		}
	}
	limit := strconv.FormatInt(memory, 10)
	set := [][2]string{{m + "/memory.limit_in_bytes", limit}, {p + "/pids.max", strconv.Itoa(pids)}}
	also := [][2]string{{m + "/memory.memsw.limit_in_bytes", limit}} // where swap is counted
	if g.v2 {
		set[0][0] = m + "/memory.max"
		also = [][2]string{{m + "/memory.swap.max", "0"}, {m + "/memory.oom.group", "1"}}
	}
	for _, s := range set {
		if err := os.WriteFile(s[0], []byte(s[1]), 0); err != nil {
			return nil, errors.Join(err, made.remove())
		}
	}
	for _, s := range also {
		if _, err := os.Stat(s[0]); err == nil {
			if err := os.WriteFile(s[0], []byte(s[1]), 0); err != nil {
				return nil, errors.Join(err, made.remove())
			}
		}
	}
	return made, nil
}

// sweep removes what a killed process has left.
func (g *groups) sweep() {
	for _, parent := range []string{g.memory, g.pids} {
		left, _ := filepath.Glob(filepath.Join(parent, groupPrefix+"*"))
		for _, dir := range left {
			pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), groupPrefix), "-")
			if n, err := strconv.Atoi(pid); err == nil && syscall.Kill(n, 0) == syscall.ESRCH {
				_ = syscall.Rmdir(dir) // someone else's if it does not go
			}
		}
	}
}

// add puts a process into the cgroup.
func (g *group) add(pid int) error {
	for _, d := range g.dirs {
		if err := os.WriteFile(d+"/cgroup.procs", []byte(strconv.Itoa(pid)), 0); err != nil {
			return err
		}
	}
	return nil
}

// outOfMemory reports whether the kernel ended a process of the group for want of memory.
func (g *group) outOfMemory() bool {
	if g == nil {
		return false
	}
	file := g.dirs[0] + "/memory.oom_control"
	if g.v2 {
		file = g.dirs[0] + "/memory.events"
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); ok {
			return n != "0"
		}
	}
	return false
}

// remove removes the cgroup once its last process is gone, which the kernel may notice a moment after us.
func (g *group) remove() error {
	if g == nil {
		return nil
	}
	var errs []error
	for _, d := range g.dirs {
		err := syscall.Rmdir(d)
		for tries := 0; err == syscall.EBUSY && tries < 500; tries++ {
			time.Sleep(time.Millisecond)
			err = syscall.Rmdir(d)
		}
		if err != nil && err != syscall.ENOENT {
			errs = append(errs, fmt.Errorf("remove cgroup %s: %w", d, err))
		}
	}
	return errors.Join(errs...)
}

// confine puts the waiting first process into a cgroup of its own, where that is possible.
func (r *run) confine(c child) error {
	if r.groups == nil {
		return nil
	}
	if n, broken := r.broken["cgroup"]; broken {
		return fmt.Errorf("cgroup: %w", syscall.Errno(n))
	}
	g, err := r.groups.make(r.command.Memory, r.Pids)
	if err != nil {
		return fmt.Errorf("cgroup: %w", err)
	}
	r.group = g
	pids := []int{c.Process.Pid}
	if c.first != nil {
		pid, err := c.first()
		if err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
		pids = append(pids, pid)
	}
	for _, pid := range pids {
		if err := g.add(pid); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
	}
	return nil
}
