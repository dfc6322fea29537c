package sandbox

import (
	"path"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

func detectGo(t *Tree) *Toolchain {
	if !t.Has("go.mod") {
		return nil
	}
	tc := &Toolchain{
		Name: "go",
		Test: func(file string) []string {
			pkg := "./..."
			if file != "" {
				pkg = "./" + path.Dir(file)
			}
			return []string{"go", "test", "-json", "-count=1", pkg}
		},
		Named:   &Flag{After: "test", Write: runGo},
		IsTest:  func(file string) bool { return strings.HasSuffix(file, "_test.go") },
		Timeout: 5 * time.Minute,
		Env:     goVars(),
		Cache:   "go",
		Report:  "-",
		Read:    readGoTest,
	}
	if t.Has("vendor/modules.txt") {
		tc.Env["GOFLAGS"] = "-mod=vendor"
	} else if t.Has("go.sum") {
		tc.Env["GOMODCACHE"] = boot.DepsDir + "/gomod"
		tc.Install = &Installation{Command: []string{"go", "mod", "download"}, Locks: []string{"go.mod", "go.sum", "go.work", "go.work.sum"},
			Env:        map[string]string{"GOPROXY": "file://" + goModule + "/cache/download,https://proxy.golang.org"},
			Registries: []string{"proxy.golang.org:443", "sum.golang.org:443"}}
	}
	return tc
}

// goVars are the settings of every Go command: nothing is fetched, neither modules nor toolchains.
func goVars() map[string]string {
	return map[string]string{"GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOTELEMETRY": "off"}
}
