package tools

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type runTestsArgs struct {
	File string `json:"file,omitempty" doc:"Only this test file."`
	Name string `json:"name,omitempty" doc:"Only tests whose names contain this."`
	Code string `json:"code,omitempty" enum:"new,old,green" doc:"old: without your changes to the code, where a regression test must fail. green: when the checks passed last."`
}

var runTests = define("run-tests",
	"Run the project's tests in the sandbox.",
	func(ctx context.Context, b *Bench, args runTestsArgs) (agent.Result, error) {
		if err := b.testable(ctx, args.File); err != nil {
			return agent.Result{}, err
		}
		run, err := b.test(ctx, args)
		if err != nil {
			return agent.Result{}, err
		}
		return agent.Result{Text: report(run, args), Facts: []string{testState(run, args)}, Pin: args.Code != "" && args.Code != "new" && !run.Passed}, nil
	}).needing(func(b *Bench) bool { return b.Box != nil && !(b.seen.allFiles && b.Commands) })

// testable says whether file can be run as a test.
func (b *Bench) testable(ctx context.Context, file string) error {
	t, tc, err := b.toolchain(ctx)
	switch {
	case err != nil:
		return err
	case file == "":
		return nil
	case !t.Has(file):
		return nearby(t, file, mistakef("%s does not exist", file))
	case !tc.IsTest(file):
		return mistakef("%s is not a test file by the rules of this project's runner (%s)", file, tc.Name)
	}
	return nil
}

// test runs tests on the tree, or on its base with the tree's tests.
func (b *Bench) test(ctx context.Context, args runTestsArgs) (hotfix.TestRun, error) {
	t, tc, err := b.toolchain(ctx)
	if err != nil {
		return hotfix.TestRun{}, err
	}
	b.progress("running %s on the %s code", orAll(args.File), orNew(args.Code))
	if args.Code != "old" && args.Code != "green" {
		return named(ctx, b.Box, t, tc, args)
	}
	commit := t.Base
	if args.Code == "green" {
		if commit, err = b.commit(ctx, t, "green"); err != nil {
			return hotfix.TestRun{}, err
		}
	}
	return b.testAt(ctx, t, commit, args)
}

// testAt runs the tree's tests against the code of a commit.
func (b *Bench) testAt(ctx context.Context, t *sandbox.Tree, commit string, args runTestsArgs) (hotfix.TestRun, error) {
	old, remove, err := t.Checkout(commit)
	if err != nil {
		return hotfix.TestRun{}, err
	}
	run, err := b.testOld(ctx, old, args)
	if gone := remove(); err == nil && gone != nil {
		err = fmt.Errorf("remove the old code: %w", gone)
	}
	return run, err
}

// named runs tests, those of a name alone if one is given.
func named(ctx context.Context, box sandbox.Box, t *sandbox.Tree, tc *sandbox.Toolchain, args runTestsArgs) (hotfix.TestRun, error) {
	if args.Name == "" {
		return sandbox.Test(ctx, box, t, tc, args.File)
	}
	run, found, err := sandbox.TestNamed(ctx, box, t, tc, args.File, args.Name)
	switch {
	case err != nil || found:
		return run, err
	case len(run.Tests) == 0:
		return run, mistakef("this run does not tell one test from another, so name cannot be used: %s (exit %d)", verdict(run), run.Exit)
	}
	var have []string
	for _, t := range run.Tests[:min(len(run.Tests), namesMax)] {
		have = append(have, t.Name)
	}
	return run, mistakef("none of the %d tests has a name that contains %q. There are: %s", len(run.Tests), args.Name, clip(strings.Join(have, ", "), 1500))
}

// testOld runs the tree's tests against old.
func (b *Bench) testOld(ctx context.Context, old *sandbox.Tree, args runTestsArgs) (hotfix.TestRun, error) {
	tc := b.Tree.Toolchain()
	tests, err := b.writtenTests(b.Tree, tc)
	if err != nil {
		return hotfix.TestRun{}, err
	}
	for path, text := range tests {
		if err := old.Write(path, text); err != nil {
			return hotfix.TestRun{}, err
		}
	}
	return named(ctx, b.Box, old, tc, args)
}

func orAll(file string) string {
	if file == "" {
		return "all tests"
	}
	return file
}

// what names the tests that were asked for.
func (a runTestsArgs) what() string {
	if a.Name != "" {
		return fmt.Sprintf("%s, tests with %q in their names,", orAll(a.File), a.Name)
	}
	return orAll(a.File)
}

func orNew(code string) string {
	if code == "" {
		return "new"
	}
	return code
}

const (
	namesMax  = 25   // failing tests that are named
	outputMax = 6000 // characters of output that are shown
)

// report is a test run as the model reads it: verdict first, then the names of what failed, then the output from the
// first failure on.
func report(run hotfix.TestRun, args runTestsArgs) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s on the %s code (exit %d, %s)\n", verdict(run), args.what(), orNew(args.Code), run.Exit, run.Took.Round(10*time.Millisecond))
	if run.Cause != "" {
		fmt.Fprintf(&b, "it did not end by itself: %s\n", run.Cause)
	}
	failed, passed := failures(run)
	if len(run.Tests) > 0 {
		fmt.Fprintf(&b, "%d passed, %d failed, %d tests in all\n", passed, len(failed), len(run.Tests))
	}
	for i, name := range failed {
		if i == namesMax {
			fmt.Fprintf(&b, "[%d more failed]\n", len(failed)-i)
			break
		}
		fmt.Fprintf(&b, "failed: %s\n", clip(name, maxLine))
	}
	if !run.Passed {
		b.WriteString("--- output ---\n" + focus(run.Output.String(), outputMax))
	}
	return b.String()
}

func verdict(run hotfix.TestRun) string {
	if run.Passed {
		return "PASS"
	}
	return "FAIL"
}

func failures(run hotfix.TestRun) (failed []string, passed int) {
	for _, t := range run.Tests {
		switch t.Status {
		case "fail":
			failed = append(failed, t.Name)
		case "pass":
			passed++
		}
	}
	return failed, passed
}

// testState names what a test run showed: two runs that fail in the same way are equal.
func testState(run hotfix.TestRun, args runTestsArgs) string {
	failed, _ := failures(run)
	state := fmt.Sprintf("tests %s %s %s %s", args.what(), args.Code, verdict(run), strings.Join(failed, ","))
	for _, l := range lines(run.Output.String()) {
		if !run.Passed && failing.MatchString(l) {
			return state + " " + strings.TrimSpace(l)
		}
	}
	return state
}

// focus shortens output to limit characters: it starts shortly before the first failure, and the end stays.
func focus(out string, limit int) string {
	if len(out) <= limit {
		return out
	}
	ls := lines(out)
	start := 0
	for i, l := range ls {
		if failing.MatchString(l) && !calm.MatchString(l) {
			start = max(i-5, 0)
			break
		}
	}
	head, tail := limit*2/3, limit/3
	var b strings.Builder
	if start > 0 {
		fmt.Fprintf(&b, "[%d lines not shown]\n", start)
	}
	i := start
	for ; i < len(ls) && b.Len() < head; i++ {
		b.WriteString(clip(ls[i], maxLine) + "\n")
	}
	end, size := len(ls), 0
	for end > i && size < tail {
		end--
		size += min(len(ls[end]), maxLine) + 1
	}
	if end > i {
		fmt.Fprintf(&b, "[%d lines not shown]\n", end-i)
	}
	for _, l := range ls[end:] {
		b.WriteString(clip(l, maxLine) + "\n")
	}
	return b.String()
}
