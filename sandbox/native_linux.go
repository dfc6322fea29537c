package sandbox

import (
	"bytes"
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
	"sync"
	"syscall"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"golang.org/x/sys/unix"
)

// native starts commands in namespaces of their own, by starting this program once more.
type native struct {
	Config
	euid   int
	tools  tools
	abi    int     // of Landlock
	groups *groups // nil if this process may make none with limits

	mu       sync.Mutex // of what follows: found out by the first Go command
	goMounts []mount
	goVars   map[string]string
}

// Run copies t into a new box, runs c there and throws the box away.
func (n *native) Run(ctx context.Context, t *Tree, c Command) (Result, error) {
	if len(c.Args) == 0 {
		return Result{}, errors.New("box: there is no command to run")
	}
	if c.Dir != "" && !filepath.IsLocal(c.Dir) {
		return Result{}, fmt.Errorf("box: %q is not a directory of the tree", c.Dir)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Memory == 0 {
		c.Memory = n.Memory
	}
	r := &run{native: n, command: c, tree: t}
	if err := r.equip(ctx); err != nil {
		return Result{}, fmt.Errorf("box: %w", err)
	}
	if c.Toolchain == nil || c.Toolchain.Install == nil {
		return r.within(ctx)
	}
	got, err := n.install(ctx, t, c)
	if err != nil {
		return Result{}, fmt.Errorf("box: %w", err)
	}
	if got.failed != nil {
		return *got.failed, nil
	}
	r.mounts, r.skip = append(r.mounts, got.mounts()...), got.modules
	res, err := r.within(ctx)
	res.Contacts, res.Notes = got.contacts, got.notes
	return res, err
}

// equip gives the run what its toolchain and cache bring along.
func (r *run) equip(ctx context.Context) (err error) {
	cache := r.command.Cache
	if tc := r.command.Toolchain; tc != nil {
		r.vars, cache = merged(tc.Env), cmp.Or(cache, tc.Cache)
		if at := r.InstallEnv["NPM_CONFIG_REGISTRY"]; at != "" {
			r.vars["NPM_CONFIG_REGISTRY"] = at // Deno looks up what it has by where that came from
		}
	}
	if cache != "go" || r.tools.env["GOROOT"] == "" {
		return nil
	}
	mounts, vars, err := r.forGo(ctx)
	r.mounts = slices.Clone(mounts)
	r.vars = merged(vars, r.vars)
	return err
}

// merged returns all entries of the maps; later ones win.
func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

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
	*native
	command Command
	tree    *Tree
	mounts  []mount           // besides the tools'
	vars    map[string]string // that go with them
	skip    []string          // directories of the tree that are mounts
	proxy   *proxy            // what an installation may reach, nil for any other command
	into    string            // where to lay out what it has installed
	modules []string          // directories of the tree that it fills
	untaken error             // why what it has installed could not be laid out
	cancel  func()
	timer   *time.Timer
	group   *group   // limits over all processes, nil where no cgroup is ours
	canary  *canary  // what the first process tries itself, instead of a command
	closing []func() // to be done when the command has ended
	out     flood
	report  *flood // standard output, when it is the report
}

func (r *run) do(ctx context.Context) (Result, error) {
	orders, err := json.Marshal(r.orders())
	if err != nil {
		return Result{}, err
	}
	status, theirs, err := os.Pipe()
	if err != nil {
		return Result{}, err
	}
	defer status.Close()
	left, theirLeft, err := os.Pipe()
	if err != nil {
		return Result{}, errors.Join(err, theirs.Close())
	}
	defer left.Close()
	wire, theirWire, err := newWire()
	if err != nil {
		return Result{}, errors.Join(err, theirs.Close(), theirLeft.Close())
	}
	defer wire.Close()
	cmd, err := r.start(ctx, theirs, theirLeft, theirWire)
	if err := errors.Join(err, theirs.Close(), theirLeft.Close(), theirWire.Close()); err != nil {
		return Result{}, err
	}
	defer runtime.UnlockOSThread()
	began := time.Now()
	fed := r.feed(cmd.stdin, cmd.Process.Pid, orders)
	var dog *watchdog
	if r.group == nil {
		dog = watch(cmd.Process.Pid, r.command.Memory, r.cancel)
	}
	var ready, ended message
	told := json.NewDecoder(io.LimitReader(status, 2*maxReport))
	if err := told.Decode(&ready); err == nil && ready.Ready {
		began = time.Now()
		r.timer.Reset(r.command.Timeout)
		if err := r.open(ctx, wire); err != nil {
			r.cancel()
			fed = errors.Join(fed, err)
		}
		_ = told.Decode(&ended) // stays empty if the box was ended from outside
	}
	took := time.Since(began)
	var changed, refused []string
	var unkept error
	if r.command.Keep && ended.Ended {
		changed, refused, unkept = keep(left, r.tree.Dir)
	}
	if r.into != "" && ended.Ended && ended.Exit == 0 {
		r.modules, r.untaken = take(left, r.into, r.chown(), r.chown())
	}
	timeUp, bitten := context.Cause(ctx) == errTimeUp, dog.end()
	r.cancel()
	for _, end := range r.closing {
		end()
	}
	_ = cmd.Wait() // how the first process ended says nothing that its messages do not
	switch {
	case !ready.Ready && timeUp:
		return Result{}, errors.Join(fmt.Errorf("it was not ready after %s", setupTimeout), fed, r.group.remove())
	case !ready.Ready:
		if fed == nil || ready.Layer != "" {
			fed = errors.New(cmp.Or(ready.Err, "the first process ended before the box was ready"))
		}
		return Result{}, errors.Join(fed, r.group.remove())
	case fed != nil: // a tree that did not arrive whole proves nothing
		return Result{}, errors.Join(fed, r.group.remove())
	case ended.Err != "":
		return Result{Exit: 127, Cause: Setup, Output: redact.Scrub(ended.Err), Enforced: r.layers(ready)}, r.group.remove()
	}
	res := r.result(ready, ended, timeUp, bitten)
	res.Took, res.Changed, res.Refused = took, changed, refused
	return res, errors.Join(unkept, r.group.remove())
}

// A child is the first process of a box, seen from outside.
type child struct {
	*exec.Cmd
	stdin io.WriteCloser
}

// start starts this program as the first process of new namespaces. The thread is kept until the caller unlocks it:
// the order to die with the parent belongs to the thread.
func (r *run) start(ctx context.Context, pipes ...*os.File) (child, error) {
	r.out = flood{keep: 128 << 10, over: r.cancel}
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = []string{bootName}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = &r.out, &r.out
	if r.command.Report == "-" {
		r.report = &flood{keep: maxReport, over: r.cancel}
		cmd.Stdout = r.report
	}
	cmd.ExtraFiles = pipes
	cmd.WaitDelay = 2 * time.Second
	ids := []syscall.SysProcIDMap{{ContainerID: insideID, HostID: r.euid, Size: 1}}
	gids := []syscall.SysProcIDMap{{ContainerID: insideID, HostID: os.Getegid(), Size: 1}}
	if r.euid == 0 {
		ids[0].HostID, gids[0].HostID = r.HostUID, r.HostUID
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
			unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		UidMappings: ids, GidMappings: gids, GidMappingsEnableSetgroups: r.euid == 0,
		AmbientCaps: needed, Pdeathsig: syscall.SIGKILL,
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return child{}, err
	}
	runtime.LockOSThread()
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		return child{}, fmt.Errorf("start: %w", err)
	}
	return child{cmd, stdin}, nil
}

// feed puts the waiting first process into its cgroup, then tells it what to do and hands it the tree.
func (r *run) feed(w io.WriteCloser, pid int, orders []byte) error {
	defer w.Close()
	if err := r.confine(pid); err != nil {
		return err
	}
	var head bytes.Buffer
	if err := binary.Write(&head, binary.BigEndian, uint32(len(orders))); err != nil {
		return err
	}
	head.Write(orders)
	if _, err := w.Write(head.Bytes()); err != nil {
		return fmt.Errorf("send orders: %w", err)
	}
	if r.tree == nil {
		return nil
	}
	return pack(w, r.tree.Dir, r.Disk, r.skip)
}

// result turns what the first process said into words.
func (r *run) result(ready, ended message, timeUp, bitten bool) Result {
	res := Result{Exit: ended.Exit, Cause: Exited, Report: ended.Report, Enforced: r.layers(ready)}
	switch {
	case bitten, r.group.outOfMemory():
		res.Cause = Memory
	case r.out.total >= floodMax || r.report != nil && r.report.total >= floodMax:
		res.Cause = Flood
	case timeUp && !ended.Ended:
		res.Cause = Timeout
	case !ended.Ended || ended.Signal != 0:
		res.Cause = Killed
	}
	if !ended.Ended || res.Cause != Exited && res.Exit == 0 {
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
func (r *run) layers(ready message) []string {
	all := append([]string{"namespaces", "deadline"}, ready.Enforced...)
	if r.group != nil {
		all = append(all, "cgroup")
	} else {
		all = append(all, "watchdog")
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// orders is what the first process shall do.
func (r *run) orders() boot {
	env := map[string]string{"PATH": r.tools.path(), "HOME": "/home/plugin", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "TZ": "UTC", "USER": "plugin", "LOGNAME": "plugin"}
	env = merged(env, r.tools.env, r.vars, r.command.Env)
	b := boot{Args: r.command.Args, Dir: path.Join(treeDir, filepath.ToSlash(r.command.Dir)), Keep: r.command.Keep, Root: r.euid == 0,
		Mounts: slices.Concat(r.tools.mounts, r.mounts), Links: r.tools.links, Files: r.files(), Disk: r.disk(), Inodes: r.Files, ABI: r.abi,
		Canary: r.canary, Install: r.proxy != nil, Skip: r.skip, Grouped: r.groups != nil, Break: r.broken}
	for _, k := range slices.Sorted(maps.Keys(env)) {
		b.Env = append(b.Env, k+"="+env[k])
	}
	if r.command.Report != "-" {
		b.Report = r.command.Report
	}
	b.Limits = []limit{{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_NOFILE, 4096}, {unix.RLIMIT_FSIZE, uint64(r.disk())}, {unix.RLIMIT_MSGQUEUE, 0},
		{unix.RLIMIT_RTPRIO, 0}, {unix.RLIMIT_NICE, 0}, {unix.RLIMIT_MEMLOCK, 1 << 20}, {unix.RLIMIT_NPROC, uint64(r.Pids)}}
	if r.groups == nil {
		b.Limits = append(b.Limits, limit{unix.RLIMIT_DATA, uint64(r.command.Memory)})
	}
	return b
}
