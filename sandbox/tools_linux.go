package sandbox

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// tools are the programs of this machine that commands may use.
type tools struct {
	mounts []boot.Mount
	links  map[string]string
	bins   []string // directories of programs outside /usr
	env    map[string]string
	found  []string // names of programs
}

// system is what every box shows of the machine, where it exists. Nothing below /home, /root, /var or /run is in it.
var system = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ssl/certs", "/etc/pki/tls/certs"}

// masked are files below system's directories that may hold this machine's own credentials.
var masked = []string{"/usr/etc/npmrc", "/usr/local/etc/npmrc", "/usr/etc/pip.conf"}

var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// findTools looks for toolchains in the daemon's own PATH.
func findTools(c Config) tools {
	t := tools{links: map[string]string{"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0",
		"/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2"}, env: map[string]string{}}
	for _, d := range system {
		t.add(d)
	}
	for _, d := range devices {
		t.mounts = append(t.mounts, boot.Mount{Src: "/dev/" + d, Dst: "/dev/" + d, Kind: boot.Device})
	}
	for _, program := range []string{"go", "node", "bun", "deno", "python3"} {
		found, err := exec.LookPath(program)
		if err != nil || c.bare {
			continue
		}
		if real, err := filepath.EvalSymlinks(found); err == nil {
			t.program(program, real)
		}
	}
	for _, f := range masked {
		if _, err := os.Stat(f); err == nil {
			t.mounts = append(t.mounts, boot.Mount{Src: "/dev/null", Dst: f, Kind: boot.Device})
		}
	}
	for _, d := range c.ReadOnly {
		t.add(d)
	}
	return t
}

// alone is where programs are shown that are one file.
const alone = "/opt/programs"

// program shows the installation that a program belongs to: <prefix>/bin/<program>, or one file.
func (t *tools) program(name, file string) {
	bin := filepath.Dir(file)
	if name == "bun" || name == "deno" {
		t.found = append(t.found, name)
		t.mounts = append(t.mounts, boot.Mount{Src: file, Dst: path.Join(alone, name), Kind: boot.ReadOnly})
		if !slices.Contains(t.bins, alone) {
			t.bins = append(t.bins, alone)
		}
		return
	}
	prefix := filepath.Dir(bin)
	if filepath.Base(bin) != "bin" || prefix == "/" || filepath.Base(file) != name {
		return // a lone file or a shim: what else it needs is not known
	}
	t.found = append(t.found, name)
	if !strings.HasPrefix(bin+"/", "/usr/") && !strings.HasPrefix(bin+"/", "/bin/") {
		t.add(prefix)
	}
	if !slices.Contains([]string{"/bin", "/usr/bin", "/usr/local/bin"}, bin) && !slices.Contains(t.bins, bin) {
		t.bins = append(t.bins, bin)
	}
	if name == "go" {
		t.env["GOROOT"] = prefix
	}
}

// add shows a directory or file read-only at its own place; a link is made again.
func (t *tools) add(name string) {
	info, err := os.Lstat(name)
	if err != nil || t.links[name] != "" {
		return
	}
	if info.Mode()&os.ModeSymlink != 0 {
		if target, err := os.Readlink(name); err == nil {
			t.links[name] = target
		}
		return
	}
	for _, m := range t.mounts {
		if m.Dst == name || strings.HasPrefix(name, m.Dst+"/") {
			return
		}
	}
	t.mounts = append(t.mounts, boot.Mount{Src: name, Dst: name, Kind: boot.ReadOnly})
}

func (t *tools) path() string {
	return strings.Join(append(slices.Clone(t.bins), "/usr/local/bin", "/usr/bin", "/bin"), ":")
}

// etc is all of /etc that programs ask for.
func etc() map[string]string {
	return map[string]string{
		"/etc/passwd":        "root:x:0:0:root:/:/usr/sbin/nologin\nplugin:x:1000:1000:plugin:/home/plugin:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
		"/etc/group":         "root:x:0:\nplugin:x:1000:\nnogroup:x:65534:\n",
		"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
		"/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
		"/etc/resolv.conf":   "",
		"/etc/hostname":      "box\n",
	}
}

// landlockABI is the version of Landlock that the kernel has, 0 if none.
func landlockABI() int {
	v, err := ll.LandlockGetABIVersion()
	if err != nil {
		return 0
	}
	return v
}
