package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
	"golang.org/x/sys/unix"
)

// Where a command finds caches.
const (
	goCache  = "/cache/go"
	goModule = "/cache/gomod"
)

// seed is a test that uses what tests use, so that the first real one need not compile the standard library.
var seed = map[string]string{
	"go.mod": "module seed\n\ngo 1.21\n",
	"seed_test.go": `package seed

import "testing"

func TestSeed(t *testing.T) {}
`,
}

// forGo returns what a Go command needs besides the program: the modules that this machine has, and a build cache
// that our own warm-up has filled. Commands write to a layer above it that is thrown away, so none can plant
// anything for the next.
func (n *box) forGo(ctx context.Context) ([]boot.Mount, map[string]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.goMounts != nil {
		return n.goMounts, n.goVars, nil
	}
	goProgram := filepath.Join(n.tools.env["GOROOT"], "bin", "go")
	say := exec.CommandContext(ctx, goProgram, "env", "GOVERSION", "GOMODCACHE")
	say.Dir = "/"
	out, err := say.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("ask %s for its version: %w", goProgram, err)
	}
	words := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(words) != 2 {
		return nil, nil, fmt.Errorf("%s env says %q", goProgram, out)
	}
	mounts, vars := []boot.Mount{}, map[string]string{"GOCACHE": goCache}
	if info, err := os.Stat(words[1]); err == nil && info.IsDir() {
		mounts, vars["GOMODCACHE"] = append(mounts, boot.Mount{Src: words[1], Dst: goModule, Kind: boot.ReadOnly}), goModule
	}
	dir, err := n.warm(ctx, words[0])
	if err != nil {
		return nil, nil, fmt.Errorf("warm the build cache: %w", err)
	}
	if dir != "" {
		mounts = append(mounts, boot.Mount{Src: dir, Dst: goCache, Kind: boot.Layered})
	} else {
		vars["GOCACHE"] = "/tmp/.gocache"
	}
	n.goMounts, n.goVars = mounts, vars
	return mounts, vars, nil
}

// warm returns a build cache that holds the standard library, filled by a box that runs nothing but the Go program
// on a test of our own. One process fills it, the others wait.
func (n *box) warm(ctx context.Context, version string) (_ string, err error) {
	if n.Cache == "" || os.MkdirAll(n.Cache, 0o755) != nil {
		return "", nil
	}
	ready := filepath.Join(n.Cache, fmt.Sprintf("%s-%d", filepath.Base(version), n.owner()))
	lock, err := os.OpenFile(ready+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil // a place that is not ours to write: each command compiles for itself
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(ready); err == nil {
		return ready, nil
	}
	dir, err := os.MkdirTemp(n.Cache, "warming-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tree, cache := filepath.Join(dir, "tree"), filepath.Join(dir, "cache")
	if err := errors.Join(os.Mkdir(tree, 0o755), os.Mkdir(cache, 0o755), os.Chown(cache, n.owner(), n.ownerGroup())); err != nil {
		return "", err
	}
	for name, data := range seed {
		if err := os.WriteFile(filepath.Join(tree, name), []byte(data), 0o644); err != nil {
			return "", err
		}
	}
	c := Command{Args: []string{"sh", "-c", "go build std && go test -vet=off . && go test ."}, Env: goVars(), Timeout: 10 * time.Minute, Memory: n.Memory}
	c.Env["GOCACHE"] = goCache
	r := &run{box: n, command: c, tree: &Tree{Dir: tree}, mounts: []boot.Mount{{Src: cache, Dst: goCache, Kind: boot.Writable}}}
	res, err := r.within(ctx)
	if err != nil {
		return "", err
	}
	if res.Exit != 0 {
		return "", fmt.Errorf("go exited with status %d: %s", res.Exit, res.Output)
	}
	return ready, os.Rename(cache, ready)
}

// owner is the user of this machine that a box runs as.
func (n *box) owner() int {
	if n.euid == 0 {
		return n.HostUID
	}
	return n.euid
}

func (n *box) ownerGroup() int {
	if n.euid == 0 {
		return n.HostUID
	}
	return os.Getegid()
}
