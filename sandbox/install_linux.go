package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
	"golang.org/x/sys/unix"
)

// install returns the dependencies of t for the toolchain of c, which it fetches if this attempt has not done so yet.
func (n *box) install(ctx context.Context, t *Tree, c Command) (*installed, error) {
	tc, s := c.Toolchain, t.deps
	if s == nil {
		return &installed{failed: noInstall("this tree has no place for its dependencies")}, nil
	}
	key, err := t.key(tc)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.done[key+"+"]; got != nil && got.failed == nil { // the tests have asked for scripts before
		return got, nil
	}
	how := tc.Install.Command
	if c.Scripts {
		key, how = key+"+", tc.Install.Scripts
	}
	if got := s.done[key]; got != nil {
		return got, nil
	}
	got, err := n.attempt(ctx, t, tc, how)
	if err != nil {
		return nil, fmt.Errorf("install: %w", err)
	}
	if got.failed != nil && tc.Install.Relaxed != nil && !c.Scripts && vanished.MatchString(got.failed.Output.String()) {
		contacts := got.contacts
		if got, err = n.attempt(ctx, t, tc, tc.Install.Relaxed); err != nil {
			return nil, fmt.Errorf("install: %w", err)
		}
		got.contacts = append(contacts, got.contacts...)
		got.notes = append(got.notes, "The versions that the lock file names could not all be installed; the closest ones were.")
	}
	if s.done == nil {
		s.done = map[string]*installed{}
	}
	s.done[key] = got
	return got, nil
}

func noInstall(says string) *Result {
	return &Result{Exit: 1, Cause: Install, Output: Clean([]byte(says+"\n"), outputMax)}
}

// attempt runs one install command in a box of its own.
func (n *box) attempt(ctx context.Context, t *Tree, tc *Toolchain, how []string) (_ *installed, err error) {
	if err := os.MkdirAll(t.deps.dir, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(t.deps.dir, "")
	if err != nil {
		return nil, err
	}
	if n.fetch != nil {
		n = n.fetch
	}
	r := &run{box: n, tree: t, into: dir, proxy: n.registries(tc.Install.Registries)}
	r.command = Command{Args: how, Timeout: n.InstallTime, Memory: max(n.Memory, installMemory), Toolchain: tc}
	if err := r.equip(ctx); err != nil {
		return nil, err
	}
	r.command.Env = merged(tc.Install.Env, proxyVars(), n.certificates(), n.InstallEnv)
	res, err := r.within(ctx)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	got := &installed{dir: dir, modules: r.modules, contacts: r.proxy.asked()}
	for _, c := range got.contacts {
		if c.Refused != "" {
			got.notes = append(got.notes, fmt.Sprintf("The installation asked for %s, which was refused: %s.", c.Address, c.Refused))
		}
	}
	if r.untaken != nil {
		got.failed, got.dir = noInstall(fmt.Sprintf("what %s has installed cannot be used: %v", quote(how), r.untaken)), ""
		return got, os.RemoveAll(dir)
	}
	if res.Exit != 0 {
		why := fmt.Sprintf("the dependencies could not be installed: %s exited with status %d", quote(how), res.Exit)
		if res.Cause != Exited {
			why = fmt.Sprintf("the dependencies could not be installed: %s was ended by %s", quote(how), res.Cause)
		}
		for _, note := range got.notes {
			why += "\n" + note
		}
		res.Output = Clean([]byte(why+"\n"+res.Output.String()), outputMax)
		res.Cause, res.Contacts, res.Notes = Install, got.contacts, got.notes
		got.failed, got.dir = &res, ""
		return got, os.RemoveAll(dir)
	}
	return got, nil
}

// registries is the proxy to the registries of an ecosystem, or to those that were configured in their place.
func (n *box) registries(public []string) *proxy {
	if n.Registries != nil {
		return n.gate(n.Registries)
	}
	return n.gate(public)
}

// gate is a proxy to some addresses.
func (n *box) gate(allow []string) *proxy {
	p := newProxy(allow)
	if n.resolve != nil {
		p.resolve = n.resolve
	}
	if n.dial != nil {
		p.dial = n.dial
	}
	return p
}

// proxyVars are the names under which programs look for a proxy.
func proxyVars() map[string]string {
	vars := map[string]string{}
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "npm_config_proxy", "npm_config_https_proxy",
		"YARN_HTTP_PROXY", "YARN_HTTPS_PROXY"} {
		vars[name] = "http://127.0.0.1:" + strconv.Itoa(boot.ProxyPort)
	}
	return vars
}

// certificatesFile is where a box finds Config.Certificates.
const certificatesFile = "/etc/more-certificates.pem"

// certificates are the names under which programs look for further certificates.
func (n *box) certificates() map[string]string {
	if len(n.Certificates) == 0 {
		return nil
	}
	vars := map[string]string{}
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "DENO_CERT", "SSL_CERT_FILE", "PIP_CERT", "npm_config_cafile"} {
		vars[name] = certificatesFile
	}
	return vars
}

// files are those of the box's root.
func (r *run) files() map[string]string {
	all := etc()
	if r.proxy != nil && len(r.Certificates) > 0 {
		system, _ := os.ReadFile("/etc/ssl/certs/ca-certificates.crt") // where there is none, programs have their own
		all[certificatesFile] = string(system) + "\n" + string(r.Certificates)
	}
	return all
}

// chown is the user and group that own what a box of root has installed, -1 if it needs no change.
func (n *box) chown() int {
	if n.euid == 0 {
		return n.HostUID
	}
	return -1
}

// disk is how much the run may write.
func (r *run) disk() int64 {
	if r.into != "" {
		return max(r.Disk, boot.InstallBytes)
	}
	return r.Disk
}

// newWire makes the connection over which the first process hands out its listener.
func newWire() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), "wire"), os.NewFile(uintptr(fds[1]), "wire"), nil
}

// open takes the listener that the first process has handed out and answers it until the run ends.
func (r *run) open(ctx context.Context, wire *os.File) error {
	if r.proxy == nil {
		return nil
	}
	l, err := receiveListener(int(wire.Fd()))
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	var served sync.WaitGroup
	served.Go(func() { r.proxy.serve(ctx, l) })
	r.closing = append(r.closing, served.Wait)
	return nil
}

// receiveListener is the other end of handOutListener.
func receiveListener(wire int) (net.Listener, error) {
	note, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	_ = unix.SetsockoptTimeval(wire, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}) // it was sent before the box said that it is ready
	_, n, _, _, err := unix.Recvmsg(wire, note, rights, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return nil, errors.New("the first process handed out no listener")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.New("the first process handed out no listener")
	}
	f := os.NewFile(uintptr(fds[0]), "listener")
	defer f.Close()
	return net.FileListener(f)
}
