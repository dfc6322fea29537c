package sandbox

import (
	_ "embed"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// missedMax bounds how many lines that no added test runs are named.
const missedMax = 20

// ran says by file and line whether a line was run. Lines that hold no code are not in it.
type ran map[string]map[int]bool

func (r ran) add(file string, line int, hit bool) {
	if r[file] == nil {
		r[file] = map[int]bool{}
	}
	r[file][line] = r[file][line] || hit
}

// cover counts how many of the lines that the patch adds outside of tests the added tests run. A toolchain that
// cannot tell leaves Evidence.Lines nil.
func (r *trial) cover(p hotfix.Patch) error {
	files, _, err := sources(r.tc, p)
	if err != nil {
		return err
	}
	lines := ran{}
	for _, name := range added(p) {
		c, read := r.tc.coverage(r.new, name)
		if read == nil {
			return nil
		}
		r.say("%s, lines that it runs", name)
		res, err := r.Box.Run(r.ctx, r.new, c)
		if err != nil {
			return fmt.Errorf("measure coverage: %w", err)
		}
		read(string(res.Report), lines)
	}
	if len(lines) == 0 {
		return nil
	}
	sum, unknown := hotfix.Coverage{}, 0
	for _, h := range hunks(files) {
		for _, n := range addedLines(h.fragment) {
			hit, code := lines[h.path()][n]
			switch {
			case !code && codeFile.MatchString(h.path()):
				unknown++
				continue
			case !code:
				continue
			case hit:
				sum.Run++
			case len(sum.Missed) < missedMax:
				sum.Missed = append(sum.Missed, fmt.Sprintf("%s:%d", h.path(), n))
			}
			sum.Lines++
		}
	}
	if sum.Lines == 0 && unknown > 0 {
		return nil // the code that was run is not the code that was written, or was never looked at
	}
	r.evidence.Lines = &sum
	return nil
}

// codeFile is a file whose lines can be run.
var codeFile = regexp.MustCompile(`\.(?:[cm]?[jt]sx?|go|py)$`)

// addedLines are the numbers of the lines that a fragment adds, blank ones and lone braces left out.
func addedLines(f *gitdiff.TextFragment) []int {
	var out []int
	n := int(f.NewPosition)
	for _, l := range f.Lines {
		if l.Op == gitdiff.OpDelete {
			continue
		}
		text := strings.Trim(l.Line, " \t\r\n{}();,")
		if l.Op == gitdiff.OpAdd && text != "" && !strings.HasPrefix(text, "//") && !strings.HasPrefix(text, "*") && !strings.HasPrefix(text, "/*") {
			out = append(out, n)
		}
		n++
	}
	return out
}

// coverFile is where a box writes what was run.
const coverFile = "/tmp/cover.lcov"

// coverPython has pytest note the lines it runs. Python brings no runner of its own that does.
//
//go:embed cover.py
var coverPython string

// coverage is the command that measures which lines the tests of a file run, and what reads its report; nil if the
// runner has no way of its own. Vitest has none without a further package.
func (tc *Toolchain) coverage(t *Tree, file string) (Command, func(string, ran)) {
	c := Command{Toolchain: tc, Timeout: tc.Timeout, Report: coverFile, Args: tc.Test(file)}
	also := func(program, flags, then string) {
		for i, arg := range c.Args {
			if strings.Contains(arg, program+" ") {
				c.Args[i] = strings.Replace(arg, program+" ", program+" "+flags+" ", 1) + then
			}
		}
	}
	switch {
	case tc.Name == "go":
		c.Args = []string{"go", "test", "-count=1", "-coverpkg=./...", "-coverprofile=" + c.Report, "./" + path.Dir(file)}
		return c, func(report string, lines ran) { readGoCover(report, modulePath(t), lines) }
	case tc.Name == "node" && tc.Report == "/tmp/report.tap":
		also("node --test", "--experimental-test-coverage --test-reporter=lcov --test-reporter-destination="+c.Report, "")
	case tc.Name == "node" && strings.Contains(c.Args[len(c.Args)-1], "/jest "):
		also("jest", "--coverage --coverageReporters=lcovonly --coverageDirectory=/tmp/cover", "; mv /tmp/cover/lcov.info "+c.Report)
		for i := range c.Args {
			c.Args[i] = strings.Replace(c.Args[i], " --coverage=false", "", 1)
		}
	case tc.Name == "node" && tc.Report == "-": // Mocha, which Node itself can watch
		c.Env = map[string]string{"NODE_V8_COVERAGE": "/tmp/cover"}
		c.Args[len(c.Args)-1] += "; cat /tmp/cover/*.json >" + c.Report
		return c, func(report string, lines ran) { readV8(report, t.Read, lines) }
	case tc.Name == "bun":
		also("bun test", "--coverage --coverage-reporter=lcov --coverage-dir=/tmp/cover", "; mv /tmp/cover/lcov.info "+c.Report)
	case tc.Name == "deno":
		also("deno test", "--coverage=/tmp/cover", "; deno coverage --lcov --output="+c.Report+" /tmp/cover")
	case tc.Name == "python":
		c.Args = []string{"python3", "-c", coverPython, c.Report, "-p", "no:cacheprovider", file}
	default:
		return c, nil
	}
	return c, readLCOV
}

var moduleLine = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`)

// modulePath is the path that go.mod gives the module.
func modulePath(t *Tree) string {
	text, err := t.Read("go.mod")
	m := moduleLine.FindStringSubmatch(text)
	if err != nil || m == nil {
		return ""
	}
	return m[1]
}

var goBlock = regexp.MustCompile(`^(.+):(\d+)\.\d+,(\d+)\.\d+ \d+ (\d+)$`)

// readGoCover reads a profile of "go test -coverprofile".
func readGoCover(report, module string, lines ran) {
	for l := range strings.Lines(report) {
		m := goBlock.FindStringSubmatch(strings.TrimSpace(l))
		if m == nil {
			continue
		}
		from, _ := strconv.Atoi(m[2])
		to, _ := strconv.Atoi(m[3])
		for n := from; n <= to && n-from < 10_000; n++ {
			lines.add(strings.TrimPrefix(m[1], module+"/"), n, m[4] != "0")
		}
	}
}

// readLCOV reads what most runners write: the lines of each file with how often they ran.
func readLCOV(report string, lines ran) {
	file := ""
	for l := range strings.Lines(report) {
		l = strings.TrimSpace(l)
		if name, ok := strings.CutPrefix(l, "SF:"); ok {
			file = strings.TrimPrefix(name, boot.TreeDir+"/")
		}
		if data, ok := strings.CutPrefix(l, "DA:"); ok {
			number, count, _ := strings.Cut(data, ",")
			n, err := strconv.Atoi(number)
			if err == nil {
				lines.add(file, n, count != "0")
			}
		}
	}
}
