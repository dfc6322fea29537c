package sandbox

import (
	"context"
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A Toolchain knows how the tests of one ecosystem are run.
type Toolchain struct {
	Name    string
	Install []string                   // fetches dependencies; nil if there are none to fetch
	Test    func(file string) []string // runs one test file, or all tests for ""
	IsTest  func(file string) bool     // whether a file of that name holds tests
	Timeout time.Duration              // of one run
	Env     map[string]string          // for every command
	Cache   string                     // for every command, see Command.Cache
	Report  string                     // where the machine-readable results are: "-" for standard output, a path in the box, "" if there are none
	Read    func(report []byte) Report // nil if there are none
}

// A Report is what a test runner's machine-readable output says.
type Report struct {
	Tests []hotfix.TestResult
	Text  string // the output as people read it; "" if Result.Output has it already
}

// detectors are asked in order: the first that recognises a tree wins. Runtimes that also keep a package.json come before node.
var detectors = []func(*Tree) *Toolchain{detectNode, detectGo}

// Toolchain returns how the tests of t are run, nil if that is not known.
func (t *Tree) Toolchain() *Toolchain {
	for _, detect := range detectors {
		if tc := detect(t); tc != nil {
			return tc
		}
	}
	return nil
}

// Test runs one test file of t in box, or every test if file is "".
func Test(ctx context.Context, box Box, t *Tree, tc *Toolchain, file string) (hotfix.TestRun, error) {
	args := tc.Test(file)
	res, err := box.Run(ctx, t, Command{Args: args, Env: tc.Env, Timeout: tc.Timeout, Cache: tc.Cache, Report: tc.Report})
	if err != nil {
		return hotfix.TestRun{}, fmt.Errorf("run tests: %w", err)
	}
	run := hotfix.TestRun{Command: quote(args), Exit: res.Exit, Output: res.Output, Took: res.Took}
	if res.Cause != Exited {
		run.Cause = res.Cause
	}
	if tc.Read != nil {
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
	return run, nil
}
