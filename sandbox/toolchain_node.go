package sandbox

import (
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// manifest is what a package.json says about tests and dependencies.
type manifest struct {
	Scripts map[string]string `json:"scripts"`
	Deps    map[string]string `json:"dependencies"`
	DevDeps map[string]string `json:"devDependencies"`
	Manager string            `json:"packageManager"`
}

var nodeTest = regexp.MustCompile(`(^|/)(test|tests|__tests__)/.*\.(js|mjs|cjs|ts|mts|cts|jsx|tsx)$|(^|[./_-])(test|spec)\.(js|mjs|cjs|ts|mts|cts|jsx|tsx)$`)

// readManifest reads package.json; ok is false if there is none that can be read.
func readManifest(t *Tree) (m manifest, ok bool) {
	text, err := t.Read("package.json")
	if err != nil {
		return m, false
	}
	err = json.Unmarshal([]byte(text), &m)
	return t.Commands.script(m), err == nil
}

// detectNode recognises whatever has a package.json; Deno and Bun were asked before.
func detectNode(t *Tree) *Toolchain {
	m, ok := readManifest(t)
	if !ok {
		return nil
	}
	tc := &Toolchain{Name: "node", Timeout: 5 * time.Minute, IsTest: nodeTest.MatchString,
		Env: map[string]string{"CI": "1", "NO_COLOR": "1", "npm_config_update_notifier": "false", "npm_config_cache": "/tmp/.npm"}}
	tc.Install = nodeInstallation(t, m)
	before, script := lastCommand(m.Scripts["test"])
	switch {
	case uses(m, script, "vitest"):
		tc.Report, tc.Read = "/tmp/report.json", readJest
		tc.Named = &Flag{After: "vitest run", Write: matching("--testNamePattern=")}
		tc.Test = shell(before, "node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile=/tmp/report.json", "", "")
	case uses(m, script, "jest"):
		tc.Report, tc.Read = "/tmp/report.json", readJest
		tc.Named = &Flag{After: "jest", Write: matching("--testNamePattern=")}
		tc.Test = shell(before, "node_modules/.bin/jest --coverage=false --json --outputFile=/tmp/report.json", "", "")
		if strings.Contains(m.Scripts["test"], "--experimental-vm-modules") {
			tc.Env["NODE_OPTIONS"] = "--experimental-vm-modules"
		}
	case uses(m, script, "mocha"):
		tc.Report, tc.Read = "-", readMocha
		_, rest, _ := strings.Cut(script+" ", "mocha ")
		tc.Named = &Flag{After: "mocha", Write: holding("--fgrep=")}
		tc.Test = mocha(before, rest)
	case script == "" || nodeRunner.MatchString(script):
		tc.Report, tc.Read = "/tmp/report.tap", readTAP
		tc.Named = &Flag{After: "node --test", Write: matching("--test-name-pattern=")}
		options, files := split(script)
		tc.Test = shell(before, "node --test --test-reporter=spec --test-reporter-destination=stdout "+
			"--test-reporter=tap --test-reporter-destination=/tmp/report.tap", options, files)
	default: // a runner of its own: judged by its exit code, and only as a whole
		tc.Test = func(string) []string { return []string{"npm", "test", "--silent"} }
	}
	return tc
}

var nodeRunner = regexp.MustCompile(`^node\s(.*\s)?--test(\s|$)`)

// lastCommand splits a script at its last "&&": what comes before builds, what comes after runs the tests. Yarn before a
// program is left out: it has laid out what it would look for.
func lastCommand(script string) (before, last string) {
	if i := strings.LastIndex(script, "&&"); i >= 0 {
		before, script = script[:i+2]+" ", script[i+2:]
	}
	return before, strings.TrimPrefix(strings.TrimSpace(script), "yarn ")
}

// shell returns a Test function that runs command as the project's own script would: by a shell, after the build.
func shell(before, command, options, files string) func(string) []string {
	return func(file string) []string {
		what := files
		if file != "" {
			what = quote([]string{file})
		}
		return []string{"sh", "-c", strings.Join(strings.Fields(before+command+" "+options+" "+what), " ")}
	}
}

// uses reports whether the test script runs a program, or there is no script and it is a dependency.
func uses(m manifest, script, program string) bool {
	if script == "" {
		return m.Deps[program] != "" || m.DevDeps[program] != ""
	}
	return slices.ContainsFunc(strings.Fields(script), func(w string) bool {
		return path.Base(w) == program || strings.HasSuffix(w, "/"+program+".js")
	})
}

// takesValue are the options of node whose value is the next word.
var takesValue = []string{"--import", "--require", "-r", "--loader", "--experimental-loader", "--env-file", "-C", "--conditions",
	"--test-name-pattern", "--test-timeout", "--test-concurrency"}

// split separates the options of a "node --test" script from the files it names. Reporters are ours.
func split(script string) (options, files string) {
	var opts, rest []string
	words := strings.Fields(script)
	for i := 1; i < len(words); i++ {
		switch w := words[i]; {
		case w == "--test" || strings.HasPrefix(w, "--test-reporter"):
		case slices.Contains(takesValue, w) && i+1 < len(words):
			opts = append(opts, w, words[i+1])
			i++
		case strings.HasPrefix(w, "-"):
			opts = append(opts, w)
		default:
			rest = append(rest, w)
		}
	}
	return strings.Join(opts, " "), strings.Join(rest, " ")
}
