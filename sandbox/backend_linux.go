package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// The backends: what makes the namespaces and the root of a box.
const (
	NativeBackend = "native" // this program itself
	Bubblewrap    = "bwrap"  // an installed bubblewrap, for machines where this program may not make user namespaces
	GVisor        = "gvisor" // an installed runsc, which answers system calls with a kernel of its own
)

// A backend starts the first process of a box. What it does not set up itself is set up by that process.
type backend struct {
	name     string
	program  string   // that must be installed, "" for none
	guest    bool     // the first process finds its root and namespaces made
	brings   []string // layers that are in force when the first process starts
	requires []string // layers that a result must name, besides those of every backend
	command  func(ctx context.Context, r *run, pipes []*os.File) (child, error)
}

// backends in the order in which they are tried when none is asked for. GVisor is not: it costs several times the
// time of native, so it is for those who ask.
var backends = []backend{
	{name: NativeBackend, brings: []string{"namespaces"}, requires: []string{"user", "namespaces", "masks"}, command: inNamespaces},
	{name: Bubblewrap, program: "bwrap", guest: true, brings: []string{"namespaces", "files", "proc", "network", "root", "masks"}, requires: []string{"masks"},
		command: inBubblewrap},
	{name: GVisor, program: "runsc", guest: true, brings: []string{"namespaces", "files", "proc", "network", "root", "kernel"}, requires: []string{"kernel"},
		command: inGVisor},
}

// candidatesFor lists the backends that may be used, by the name of one or "" for any.
func candidatesFor(name string) ([]backend, error) {
	var all, names []string
	var out []backend
	for _, b := range backends {
		all = append(all, b.name)
		if b.name == name || name == "" && b.name != GVisor {
			out = append(out, b)
			names = append(names, b.name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no backend %q: use one of %s, or none to have one chosen", name, strings.Join(all, ", "))
	}
	return out, nil
}

// missing reports why a backend cannot be used at all.
func (b backend) missing() error {
	if b.program == "" {
		return nil
	}
	if _, err := exec.LookPath(b.program); err != nil {
		return fmt.Errorf("%s is not installed", b.program)
	}
	return nil
}

// errNoProxy is why an install step needs another backend.
var errNoProxy = errors.New("gvisor runs tests only: it cannot hand out a listener")
