package sandbox

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
	"golang.org/x/sys/unix"
)

// errTimeUp is why a box is ended whose command has had its time.
var errTimeUp = errors.New("the time is up")

// within does the run in the time that its command has, which begins when the box is ready.
func (r *run) within(ctx context.Context) (Result, error) {
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.cancel = func() { cancel(nil) }
	r.timer = time.AfterFunc(setupTimeout, func() { cancel(errTimeUp) })
	defer r.timer.Stop()
	res, err := r.do(limited)
	switch {
	case ctx.Err() != nil:
		return Result{}, fmt.Errorf("box: %w", ctx.Err())
	case err != nil:
		return Result{}, fmt.Errorf("box: %w", err)
	}
	return res, nil
}

// A run is one command under way.
type run struct {
	*box
	command Command
	tree    *Tree
	mounts  []boot.Mount      // besides the tools'
	vars    map[string]string // that go with them
	skip    []string          // directories of the tree that are mounts
	proxy   *proxy            // what an installation may reach, nil for any other command
	into    string            // where to lay out what it has installed
	modules []string          // directories of the tree that it fills
	untaken error             // why what it has installed could not be laid out
	cancel  func()
	timer   *time.Timer
	group   *group       // limits over all processes, nil where no cgroup is ours
	canary  *boot.Canary // what the first process tries itself, instead of a command
	closing []func()     // to be done when the command has ended
	out     flood
	report  *flood // standard output, when it is the report
}

// pipes are what a run and its first process speak over: the process's own reports, what it leaves, and its listener.
type pipes struct {
	status, left, wire *os.File
	theirs             []*os.File // the other ends, in the order of descriptors that the first process expects
}

func newPipes() (p pipes, err error) {
	var status, left, wire *os.File
	if p.status, status, err = os.Pipe(); err != nil {
		return p, err
	}
	if p.left, left, err = os.Pipe(); err != nil {
		return p, errors.Join(err, p.status.Close(), status.Close())
	}
	if p.wire, wire, err = newWire(); err != nil {
		return p, errors.Join(err, p.status.Close(), status.Close(), p.left.Close(), left.Close())
	}
	p.theirs = []*os.File{status, left, wire}
	return p, nil
}

// handOver closes the ends that the first process has by now.
func (p *pipes) handOver() error {
	var errs []error
	for _, f := range p.theirs {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func (p *pipes) close() {
	p.status.Close()
	p.left.Close()
	p.wire.Close()
}

func (r *run) do(ctx context.Context) (Result, error) {
	orders, err := json.Marshal(r.orders())
	if err != nil {
		return Result{}, err
	}
	p, err := newPipes()
	if err != nil {
		return Result{}, err
	}
	defer p.close()
	r.out = flood{keep: 128 << 10, over: r.cancel}
	c, err := r.start(ctx, p.theirs)
	if err := errors.Join(err, p.handOver()); err != nil {
		return Result{}, err
	}
	defer runtime.UnlockOSThread()
	h := r.follow(ctx, c, &p, orders)
	r.cancel()
	for _, end := range r.closing {
		end()
	}
	_ = c.Wait() // how the first process ended says nothing that its messages do not
	if c.clean != nil {
		h.unkept = errors.Join(h.unkept, c.clean())
	}
	_ = p.status.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.Copy(io.Discard, p.status); err != nil { // it ends when nobody holds the other end
		h.unkept = errors.Join(h.unkept, fmt.Errorf("something of the box lives on: %w", err))
	}
	h.over = time.Since(h.due)
	res, err := r.conclude(h)
	return res, errors.Join(err, r.group.remove())
}

// A history is what happened in a box.
type history struct {
	ready, ended     boot.Message
	due              time.Time // when the command's time is up
	took, over       time.Duration
	changed, refused []string
	fed, unkept      error // why the box was not given all it needs; why what it left could not be taken
	timeUp, bitten   bool
}

// follow hands the first process what it needs and listens to it until the command has ended and what it leaves is here.
func (r *run) follow(ctx context.Context, c child, p *pipes, orders []byte) (h history) {
	began := time.Now()
	h.fed = r.feed(c, orders)
	var dog *watchdog
	if r.group == nil {
		dog = watch(c.Process.Pid, r.command.Memory, r.cancel)
	}
	told := json.NewDecoder(io.LimitReader(p.status, 2*boot.MaxReport))
	if err := told.Decode(&h.ready); err == nil && h.ready.Ready {
		began = time.Now()
		h.due = began.Add(r.command.Timeout)
		r.timer.Reset(r.command.Timeout)
		if err := r.open(ctx, p.wire); err != nil {
			r.cancel()
			h.fed = errors.Join(h.fed, err)
		}
		_ = told.Decode(&h.ended) // stays empty if the box was ended from outside
	}
	h.took = time.Since(began)
	if r.command.Keep && h.ended.Ended {
		h.changed, h.refused, h.unkept = keep(p.left, r.tree.Dir, r.command.Plan)
	}
	if r.into != "" && h.ended.Ended && h.ended.Exit == 0 {
		r.modules, r.untaken = take(p.left, r.into, r.chown(), r.chown())
	}
	h.timeUp, h.bitten = errors.Is(context.Cause(ctx), errTimeUp), dog.end()
	return h
}

// conclude makes a result of what happened, unless nothing may be concluded from it.
func (r *run) conclude(h history) (Result, error) {
	switch {
	case !h.ready.Ready && h.timeUp:
		return Result{}, errors.Join(fmt.Errorf("it was not ready after %s", setupTimeout), h.fed)
	case !h.ready.Ready:
		if h.fed == nil || h.ready.Layer != "" {
			h.fed = errors.New(cmp.Or(h.ready.Err, strings.TrimSpace(string(h.says(r))), "the first process ended before the box was ready"))
		}
		return Result{}, h.fed
	case h.fed != nil: // a tree that did not arrive whole proves nothing
		return Result{}, h.fed
	}
	layers := r.layers(h.ready)
	if err := r.lacking(layers); err != nil {
		return Result{}, err
	}
	if h.ended.Err != "" {
		return Result{Exit: 127, Cause: Setup, Output: redact.Scrub(h.ended.Err), Enforced: layers, Backend: r.backend.name}, nil
	}
	res := r.result(h)
	if r.proxy != nil {
		res.Contacts = r.proxy.asked()
	}
	res.Took, res.Changed, res.Refused, res.Enforced, res.Backend = h.took, h.changed, h.refused, layers, r.backend.name
	return res, h.unkept
}

// says is what a program that starts first processes has printed in place of one.
func (h history) says(r *run) []byte {
	if r.backend.name == NativeBackend {
		return nil
	}
	return r.out.bytes()
}

// A MissingError says which layers a command ran without. What such a command did proves nothing.
type MissingError struct{ Layers []string }

func (e *MissingError) Error() string {
	return "the command ran without what must hold it: " + strings.Join(e.Layers, ", ")
}

// lacking is an error unless every layer that this box requires is in force.
func (r *run) lacking(enforced []string) error {
	required := append([]string{"namespaces", "deadline", "descriptors", "files", "proc", "network", "root", "limits", "capabilities", "seccomp", "verify"},
		r.backend.requires...)
	if r.abi > 0 {
		required = append(required, "landlock")
	}
	if r.proxy != nil {
		required = append(required, "proxy")
	}
	var e MissingError
	for _, l := range required {
		if !slices.Contains(enforced, l) {
			e.Layers = append(e.Layers, l)
		}
	}
	if len(e.Layers) > 0 {
		return &e
	}
	return nil
}

// A child is the first process of a box, or the program that has started it, seen from outside.
type child struct {
	*exec.Cmd
	stdin io.WriteCloser
	given []*os.File          // to be closed when it has them
	clean func() error        // to be done when it has ended, nil if nothing
	first func() (int, error) // the first process, where it is not the child itself
}

// start starts this program as the first process of a box. The thread is kept until the caller unlocks it: the order
// to die with the parent belongs to the thread.
func (r *run) start(ctx context.Context, pipes []*os.File) (c child, err error) {
	c, err = r.backend.command(ctx, r, pipes)
	defer func() {
		for _, f := range c.given {
			err = errors.Join(err, f.Close())
		}
		if err != nil && c.clean != nil {
			err = errors.Join(err, c.clean())
		}
	}()
	if err != nil {
		return c, err
	}
	c.Dir, c.WaitDelay = "/", 2*time.Second
	c.Stdout, c.Stderr = &r.out, &r.out
	if r.command.Report == "-" {
		r.report = &flood{keep: boot.MaxReport, over: r.cancel}
		c.Stdout = r.report
	}
	if c.stdin, err = c.StdinPipe(); err == nil {
		runtime.LockOSThread()
		if err = c.Start(); err == nil {
			return c, nil
		}
		runtime.UnlockOSThread()
		err = fmt.Errorf("start: %w", err)
	}
	return c, err
}

// inNamespaces starts this program in namespaces that the kernel makes for it.
func inNamespaces(ctx context.Context, r *run, pipes []*os.File) (child, error) {
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args, cmd.Env, cmd.ExtraFiles = []string{boot.Name}, []string{}, pipes
	ids := []syscall.SysProcIDMap{{ContainerID: boot.InsideID, HostID: r.owner(), Size: 1}}
	gids := []syscall.SysProcIDMap{{ContainerID: boot.InsideID, HostID: r.ownerGroup(), Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
			unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		UidMappings: ids, GidMappings: gids, GidMappingsEnableSetgroups: r.euid == 0,
		AmbientCaps: boot.Needed, Pdeathsig: syscall.SIGKILL,
	}
	return child{Cmd: cmd}, nil
}

// feed tells the first process what to do, puts it into its cgroup while it sets up the box, and then hands it the
// tree, before which it starts nothing.
func (r *run) feed(c child, orders []byte) error {
	w := c.stdin
	defer w.Close()
	head := binary.BigEndian.AppendUint32(nil, uint32(len(orders)))
	if _, err := w.Write(append(head, orders...)); err != nil {
		return fmt.Errorf("send orders: %w", err)
	}
	if err := r.confine(c); err != nil {
		return err
	}
	if _, err := w.Write([]byte{boot.Confined}); err != nil {
		return fmt.Errorf("send orders: %w", err)
	}
	if r.tree == nil {
		return nil
	}
	return boot.Pack(w, r.tree.Dir, r.Disk, r.skip)
}

// result turns what the first process said into words.
func (r *run) result(h history) Result {
	res := Result{Exit: h.ended.Exit, Cause: Exited, Report: h.ended.Report}
	switch {
	case h.bitten, r.group.outOfMemory():
		res.Cause = Memory
	case r.out.total >= floodMax || r.report != nil && r.report.total >= floodMax:
		res.Cause = Flood
	case h.timeUp && !h.ended.Ended:
		res.Cause, res.Over = Timeout, h.over
	case !h.ended.Ended || h.ended.Signal != 0:
		res.Cause = Killed
	}
	if !h.ended.Ended || res.Cause != Exited && res.Exit == 0 {
		res.Exit = 128 + int(syscall.SIGKILL)
	}
	res.Output = Clean(r.out.bytes(), outputMax)
	if r.report != nil {
		res.Report = r.report.whole()
		if r.command.show(res) {
			res.Output = Clean(slices.Concat(r.report.bytes(), r.out.bytes()), outputMax)
		}
	}
	return res
}

// layers names what held the command.
func (r *run) layers(ready boot.Message) []string {
	all := slices.Concat([]string{"deadline"}, r.backend.brings, ready.Enforced)
	if r.group != nil {
		all = append(all, "cgroup")
	} else {
		all = append(all, "watchdog")
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// shown is what the box shows of this machine.
func (r *run) shown() []boot.Mount { return slices.Concat(r.tools.mounts, r.mounts) }

// orders is what the first process shall do.
func (r *run) orders() boot.Orders {
	env := map[string]string{"PATH": r.tools.path(), "HOME": "/home/plugin", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC", "USER": "plugin", "LOGNAME": "plugin"}
	env = merged(env, r.tools.env, r.vars, r.command.Env)
	b := boot.Orders{Args: r.command.Args, Dir: path.Join(boot.TreeDir, filepath.ToSlash(r.command.Dir)), Keep: r.command.Keep, Root: r.euid == 0,
		Mounts: r.shown(), Links: r.tools.links, Files: r.files(), Disk: r.disk(), Inodes: r.Files, ABI: r.abi,
		Canary: r.canary, Proxy: r.proxy != nil, Install: r.into != "", Skip: r.skip, Grouped: r.groups != nil, Guest: r.backend.guest, Break: r.broken}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		b.Env = append(b.Env, k+"="+env[k])
	}
	if r.command.Report != "-" {
		b.Report = r.command.Report
	}
	b.Limits = map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 4096, unix.RLIMIT_FSIZE: uint64(r.disk()), unix.RLIMIT_NPROC: uint64(r.Pids)}
	if r.backend.name != GVisor { // its kernel has none of what these bound
		maps.Copy(b.Limits, map[int]uint64{unix.RLIMIT_MSGQUEUE: 0, unix.RLIMIT_RTPRIO: 0, unix.RLIMIT_NICE: 0, unix.RLIMIT_MEMLOCK: 1 << 20})
	}
	if r.groups == nil {
		b.Limits[unix.RLIMIT_DATA] = uint64(r.command.Memory)
	}
	return b
}
