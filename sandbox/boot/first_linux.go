package boot

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// first is the first process of a box.
type first struct {
	Orders
	status   *json.Encoder
	enforced []string
	sources  []int // descriptors of what Mounts names
}

// A layerError says which layer could not be set up.
type layerError struct {
	layer string
	err   error
}

func (e *layerError) Error() string { return e.layer + ": " + e.err.Error() }
func (e *layerError) Unwrap() error { return e.err }

// layers are set up in this order; each depends on those before it. All are required, but for Landlock on a kernel
// that has none, which the parent has found out.
func (p *first) layers() []layer {
	return []layer{
		{"descriptors", true, closeDescriptors},
		{"user", false, p.becomeMapped},
		{"files", false, p.buildRoot},
		{"proc", false, mountProc},
		{"network", false, loopbackUp},
		{"proxy", true, handOutListener},
		{"namespaces", false, noMoreNamespaces},
		{"masks", false, maskProc},
		{"root", false, p.enterRoot},
		{"limits", true, p.setLimits},
		{"capabilities", true, p.dropCapabilities},
		{"landlock", true, p.landlock},
		{"seccomp", true, p.filterCalls},
		{"verify", true, verify},
	}
}

// fault is the error with which a step of a layer shall fail, for tests.
func (p *first) fault(step string) error {
	if n := p.Break[step]; n > 0 {
		return syscall.Errno(n)
	}
	return nil
}

// A layer is one thing that holds a command.
type layer struct {
	name  string
	guest bool // it is ours to set up though another program has made the box
	do    func() error
}

func (p *first) run() error {
	in := bufio.NewReader(os.Stdin)
	var size uint32
	if err := binary.Read(in, binary.BigEndian, &size); err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	if err := json.NewDecoder(io.LimitReader(in, int64(size))).Decode(&p.Orders); err != nil {
		return fmt.Errorf("read orders: %w", err)
	}
	for _, l := range p.layers() {
		if l.name == "landlock" && p.ABI == 0 || l.name == "proxy" && !p.Proxy || p.Guest && !l.guest {
			continue
		}
		n, broken := p.Break[l.name]
		var err error
		switch {
		case n < 0:
			continue
		case broken && n != 0:
			err = syscall.Errno(n)
		case !broken:
			err = l.do()
		}
		if err != nil {
			return &layerError{l.name, err}
		}
		p.enforced = append(p.enforced, l.name)
	}
	if _, err := in.ReadByte(); err != nil {
		return fmt.Errorf("the parent could not confine the box: %w", err)
	}
	if err := unpack(in, TreeDir); err != nil {
		return fmt.Errorf("copy tree: %w", err)
	}
	if err := p.status.Encode(Message{Ready: true, Enforced: p.enforced}); err != nil {
		return err
	}
	if p.Canary != nil {
		return p.status.Encode(p.Canary.try())
	}
	ended := p.execute()
	if err := p.status.Encode(ended); err != nil {
		return err
	}
	out := os.NewFile(leftFD, "tree")
	switch {
	case p.Install && ended.Exit == 0:
		return errors.Join(packInstalled(out), out.Close())
	case p.Keep:
		return errors.Join(Pack(out, TreeDir, p.Disk, p.Skip), out.Close())
	}
	return out.Close()
}

// execute runs the command, collects every process that is left to us, ends all of them when the command has ended,
// and says how it went.
func (p *first) execute() Message {
	null, err := os.OpenFile("/dev/null", os.O_RDONLY, 0)
	if err != nil {
		return Message{Err: err.Error()}
	}
	program, err := lookPath(p.Args[0], p.Env, p.Dir)
	if err != nil {
		return Message{Err: err.Error()}
	}
	pid, err := syscall.ForkExec(program, p.Args, &syscall.ProcAttr{Dir: p.Dir, Env: p.Env,
		Files: []uintptr{null.Fd(), 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		return Message{Err: fmt.Sprintf("start %s: %v", p.Args[0], err)}
	}
	m := Message{Ended: true}
	for {
		var ws syscall.WaitStatus
		got, err := syscall.Wait4(-1, &ws, 0, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return Message{Err: fmt.Sprintf("wait: %v", err)}
		}
		if got != pid {
			continue
		}
		if ws.Signaled() {
			m.Exit, m.Signal = 128+int(ws.Signal()), int(ws.Signal())
		} else {
			m.Exit = ws.ExitStatus()
		}
		break
	}
	_ = syscall.Kill(-1, syscall.SIGKILL) // everyone but us; ESRCH if nobody is left
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			break
		}
	}
	m.Report = readReport(p.Report)
	return m
}

// readReport reads the file that a test runner was told to write, if it is one.
func readReport(path string) []byte {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > MaxReport {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxReport))
	if err != nil {
		return nil
	}
	return data
}

// lookPath finds a program as a shell would, in the PATH of the command.
func lookPath(name string, env []string, dir string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	i := slices.IndexFunc(env, func(s string) bool { return strings.HasPrefix(s, "PATH=") })
	if i < 0 {
		return "", fmt.Errorf("%s: there is no PATH", name)
	}
	for d := range strings.SplitSeq(strings.TrimPrefix(env[i], "PATH="), ":") {
		p := d + "/" + name
		if unix.Access(p, unix.X_OK) == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("%s: there is no such program in the box", name)
}
