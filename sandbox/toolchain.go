package sandbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A Toolchain knows how the tests of one ecosystem are run.
type Toolchain struct {
	Name    string
	Install *Installation              // nil if there are no dependencies to fetch
	Test    func(file string) []string // runs one test file, or all tests for ""
	Named   *Flag                      // narrows Test down to tests of a name; nil if the runner has no way to
	IsTest  func(file string) bool     // whether a file of that name holds tests
	Timeout time.Duration              // of one run
	Env     map[string]string          // for every command
	Cache   string                     // for every command, see Command.Cache
	Report  string                     // where the machine-readable results are: "-" for standard output, a path in the box, "" if there are none
	Read    func(report []byte) Report // nil if there are none
}

// An Installation fetches the dependencies of a tree, in a box that reaches registries and nothing else.
type Installation struct {
	Command    []string          // takes what the lock file names, and runs no script of a package
	Relaxed    []string          // for when a version that the lock file names is gone; nil if there is no such way
	Scripts    []string          // runs the packages' own scripts; nil if none has any
	Env        map[string]string // besides the toolchain's
	Registries []string          // addresses it must reach, host:port
	Locks      []string          // names of the files that say what is to be installed
}

// A Report is what a test runner's machine-readable output says.
type Report struct {
	Tests []hotfix.TestResult
	Text  string // the output as people read it; "" if Result.Output has it already
}

// detectors are asked in order: the first that recognises a tree wins. Runtimes that also keep a package.json come before node.
var detectors = []func(*Tree) *Toolchain{detectDeno, detectBun, detectNode, detectGo, detectPython}

// Toolchain returns how the tests of t are run, nil if that is not known.
func (t *Tree) Toolchain() *Toolchain {
	for _, detect := range detectors {
		if tc := detect(t); tc != nil {
			return t.Commands.over(tc)
		}
	}
	return nil
}

// Test runs one test file of t in box, or every test if file is "".
func Test(ctx context.Context, box Box, t *Tree, tc *Toolchain, file string) (hotfix.TestRun, error) {
	args := tc.Test(file)
	c := Command{Args: args, Toolchain: tc, Timeout: tc.Timeout, Report: tc.Report}
	res, err := box.Run(ctx, t, c)
	if err != nil {
		return hotfix.TestRun{}, fmt.Errorf("run tests: %w", err)
	}
	run := tc.read(args, res)
	if file != "" || tc.Install == nil || tc.Install.Scripts == nil || run.Passed || run.Cause == Install || slices.ContainsFunc(run.Tests, passed) {
		return run, nil
	}
	c.Scripts = true // not one test passes: perhaps a package is not complete before its own script has run
	if res, err = box.Run(ctx, t, c); err != nil {
		return hotfix.TestRun{}, fmt.Errorf("run tests: %w", err)
	}
	if again := tc.read(args, res); again.Cause != Install {
		return again, nil
	}
	return run, nil
}

func passed(t hotfix.TestResult) bool { return t.Status == "pass" }

// read turns the result of a test command into a test run.
func (tc *Toolchain) read(args []string, res Result) hotfix.TestRun {
	run := hotfix.TestRun{Command: quote(args), Exit: res.Exit, Output: res.Output, Took: res.Took, Notes: res.Notes}
	if res.Cause != Exited {
		run.Cause = res.Cause
	}
	if tc.Read != nil && res.Cause != Install {
		r := tc.Read(res.Report)
		run.Tests = r.Tests
		if r.Text != "" {
			run.Output = redact.Join([]redact.Text{Clean([]byte(r.Text), outputMax), run.Output}, "\n")
		}
	}
	run.Passed = res.Exit == 0 && run.Cause == ""
	for _, test := range run.Tests {
		run.Passed = run.Passed && test.Status != "fail"
	}
	return run
}
