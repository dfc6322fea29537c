package sandbox

import (
	"context"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A Box runs commands over a tree where they can reach nothing else. A failing command is a Result; an error means
// that the command did not run as it should have, and nothing may be concluded from it.
type Box interface {
	Run(ctx context.Context, t *Tree, c Command) (Result, error)
}

// A Command is one program to run in a box. It sees a copy of the tree: unless Keep is set, what it changes is gone
// when it ends.
type Command struct {
	Args    []string
	Dir     string            // inside the tree, "" is its root
	Env     map[string]string // besides PATH, HOME and the like; nothing is inherited
	Timeout time.Duration     // 0 means one minute
	Memory  int64             // bytes over all processes, 0 means the box's own limit
	Plan    []string          // files that Keep may let out though they steer tools: lock files, workflows, attributes
	Keep    bool              // copy the regular files that it has changed back into the tree
	Cache   string            // "go" gives it the build cache and modules of this machine, "" none
	// Toolchain gives the command the toolchain's variables and cache, and the dependencies of the tree, which are
	// installed if they are not there yet.
	Toolchain *Toolchain
	Allow     []string // addresses that it may reach through a proxy, host:port; nil means that there is no network at all
	Scripts   bool     // the scripts of installed packages have been run too
	Report    string   // a file that Result.Report shall hold: "-" for standard output, a path in the box, "" for none
}

// show reports whether the report belongs to the output too: nobody else will turn it into text.
func (c Command) show(r Result) bool { return c.Report == "-" && r.Report == nil }

// The causes of a command's end.
const (
	Exited  = "exited"  // by itself
	Timeout = "timeout" // the time was up
	Memory  = "memory"  // the memory limit was reached
	Flood   = "output"  // it wrote without end
	Killed  = "killed"  // by a signal
	Setup   = "setup"   // the program could not be started
	Install = "install" // it was not started: the dependencies could not be installed
)

// A Result is how a command ended.
type Result struct {
	Exit     int // 128 plus the signal if one ended it
	Cause    string
	Output   redact.Text // standard output and error as they came; the middle is cut out if there was too much
	Report   []byte      // what Command.Report asked for, as it is: to be parsed, never to be shown
	Took     time.Duration
	Over     time.Duration // how long after its time was up the last process of the box was gone; 0 if the time was not up
	Backend  string        // what made the box
	Enforced []string      // the layers that held the command
	Changed  []string      // by Keep, sorted
	Refused  []string      // what Keep did not let out, and why
	Contacts []Contact     // what the installation of the dependencies asked of the network
	Notes    []string      // what is unusual about how the command was run, in sentences
}

// quote writes args as one line, for people.
func quote(args []string) string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n'\"$`\\*?;&|<>()") {
			out[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}
