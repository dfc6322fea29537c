package sandbox

import (
	"regexp"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

var (
	denoTest   = regexp.MustCompile(`(^|/)([^/]*[._]test|test)\.(ts|tsx|mts|js|mjs|jsx)$`)
	denoRuns   = regexp.MustCompile(`"test"\s*:\s*"(?:[^"\\]*?&&\s*)?deno test([^"\\&|;]*)"`)
	denoRemote = regexp.MustCompile(`["'](npm|jsr|https):`)
)

// detectDeno recognises a tree with Deno's configuration, unless its package.json runs tests with something else.
func detectDeno(t *Tree) *Toolchain {
	conf := ""
	if !t.reads("deno.json", &conf) && !t.reads("deno.jsonc", &conf) {
		return nil
	}
	options, lock := "", ""
	if m, ok := readManifest(t); ok && m.Scripts["test"] != "" {
		_, script := lastCommand(m.Scripts["test"])
		rest, runs := strings.CutPrefix(script, "deno test")
		if !runs && !strings.HasPrefix(script, "deno task test") {
			return nil
		}
		options = rest
	}
	if m := denoRuns.FindStringSubmatch(conf); m != nil {
		options = m[1]
	}
	if !strings.Contains(options, "-A") && !strings.Contains(options, "--allow-all") {
		options = "-A " + options // the box is what keeps a test in bounds
	}
	tc := &Toolchain{
		Name: "deno", Timeout: 5 * time.Minute, IsTest: denoTest.MatchString,
		Env:    map[string]string{"CI": "1", "NO_COLOR": "1", "DENO_DIR": boot.DepsDir + "/deno", "DENO_NO_UPDATE_CHECK": "1"},
		Test:   shell("", "deno test --cached-only --junit-path=/tmp/report.xml", withoutReporter(options), ""),
		Named:  &Flag{After: "deno test", Write: holding("--filter=")},
		Report: "/tmp/report.xml", Read: readJUnit,
	}
	locked := t.reads("deno.lock", &lock)
	if !locked && !denoRemote.MatchString(conf) {
		tc.Env["DENO_DIR"] = "/tmp/deno"
		return tc
	}
	tc.Install = &Installation{
		Command:    []string{"deno", "test", "--no-run", "--no-check", "--frozen"},
		Relaxed:    []string{"deno", "test", "--no-run", "--no-check", "--frozen=false", "--no-lock"},
		Registries: []string{"deno.land:443", "jsr.io:443", "registry.npmjs.org:443"},
		Locks:      []string{"deno.json", "deno.jsonc", "deno.lock", "package.json"},
	}
	if !locked {
		tc.Install.Command, tc.Install.Relaxed = tc.Install.Relaxed, nil
	}
	return tc
}
