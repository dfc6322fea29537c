package boot

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// The first process of a box goes its own way before anything else of the program is set up: what a program of this size
// does before main takes longer than making the box. Packages are set up in the order of their names and of what they
// need; this one needs so little that its turn comes before that of all others of ours.
var _ = reexec()

// reexec makes this process the first one of a box if it was started as such, and does not return then.
func reexec() struct{} {
	if len(os.Args) != 1 || filepath.Base(os.Args[0]) != Name || os.Getpid() != 1 {
		return struct{}{}
	}
	var info unix.Stat_t
	if unix.Fstat(statusFD, &info) != nil || info.Mode&unix.S_IFMT != unix.S_IFIFO {
		return struct{}{}
	}
	runtime.LockOSThread()
	p := &first{status: json.NewEncoder(os.NewFile(statusFD, "status"))}
	if err := p.run(); err != nil {
		layer := ""
		var l *layerError
		if errors.As(err, &l) {
			layer = l.layer
		}
		_ = p.status.Encode(Message{Layer: layer, Err: err.Error()}) // the parent may be gone
		os.Exit(1)
	}
	os.Exit(0)
	return struct{}{}
}
