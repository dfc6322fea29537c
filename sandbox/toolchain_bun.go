package sandbox

import (
	"regexp"
	"strings"
	"time"
)

var (
	bunTest = regexp.MustCompile(`(^|/)[^/]*[._](test|spec)\.(js|mjs|cjs|ts|mts|cts|jsx|tsx)$`)
	bunRuns = regexp.MustCompile(`^bun\s(.*\s)?test(\s|$)`)
)

// detectBun recognises a tree whose test script is "bun test", or which has Bun's lock file and no test script.
func detectBun(t *Tree) *Toolchain {
	m, ok := readManifest(t)
	before, script := lastCommand(m.Scripts["test"])
	locked := script == "" && (t.Has("bun.lock") || t.Has("bun.lockb")) && !uses(m, "", "jest") && !uses(m, "", "vitest") && !uses(m, "", "mocha")
	if !ok || !locked && !bunRuns.MatchString(script) {
		return nil
	}
	options := ""
	if _, after, found := strings.Cut(script, " test"); found {
		options = withoutReporter(after)
	}
	return &Toolchain{
		Name: "bun", Timeout: 5 * time.Minute, IsTest: bunTest.MatchString,
		Env:     map[string]string{"CI": "1", "NO_COLOR": "1", "BUN_RUNTIME_TRANSPILER_CACHE_PATH": "0"},
		Test:    shell(before, "bun test --reporter=junit --reporter-outfile=/tmp/report.xml", options, ""),
		Named:   &Flag{After: "bun test", Write: matching("--test-name-pattern=")},
		Install: nodeInstallation(t, m),
		Report:  "/tmp/report.xml", Read: readJUnit,
	}
}

// withoutReporter drops the reporters that a script names: ours takes their place.
func withoutReporter(options string) string {
	var out []string
	for _, w := range strings.Fields(options) {
		if !strings.HasPrefix(w, "--reporter") && !strings.HasPrefix(w, "--coverage") {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}
