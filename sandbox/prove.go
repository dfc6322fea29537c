package sandbox

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// times is how often an added test must fail without the patch, and pass with it.
const times = 3

// A Prover gathers the evidence for a patch.
type Prover struct {
	Box      Box
	Progress func(string) // told what happens next; may be nil
	Reported redact.Text  // what the failure said: added tests must fail on the old code in the same way; empty compares nothing
	Flaky    []string     // tests known to differ from run to run
	Origin   bool         // also search the history for the commit that brought the fault in
}

// Prove gathers the evidence for p, the patch that t holds. It runs all tests on the old code and on the new, then each
// file of added tests on the old code, where it must fail every time, and on the new code, where it must pass every time. It
// never runs the tree that a model has worked in, only fresh checkouts of what would be published, and it trusts nothing that
// anyone ran before. What is missing from the proof is in Evidence.Gaps; an error means that the box failed.
func (v Prover) Prove(ctx context.Context, t *Tree, tc *Toolchain, p hotfix.Patch) (e hotfix.Evidence, err error) {
	fixed, err := t.Commit(ctx, Signature{Name: "daemon-hotfix", Email: "daemon-hotfix@localhost", When: time.Unix(0, 0)}, "proof\n")
	if err != nil {
		return e, fmt.Errorf("prove: %w", err)
	}
	oldTree, removeOld, err := t.Checkout(p.Base)
	if err != nil {
		return e, fmt.Errorf("prove: %w", err)
	}
	defer func() { err = errors.Join(err, removeOld()) }()
	newTree, removeNew, err := t.Checkout(fixed)
	if err != nil {
		return e, fmt.Errorf("prove: %w", err)
	}
	defer func() { err = errors.Join(err, removeNew()) }()

	trial := &trial{Prover: v, ctx: ctx, tc: tc, start: t, old: oldTree, new: newTree, evidence: &e}
	for _, step := range []func(hotfix.Patch) error{trial.suites, trial.added} {
		if err := step(p); err != nil {
			return e, fmt.Errorf("prove: %w", err)
		}
	}
	for _, step := range []func(hotfix.Patch) error{trial.unfix, trial.cover, trial.origin} {
		if len(e.Gaps) > 0 {
			break // nothing can be published, so nothing more need be known
		}
		if err := step(p); err != nil {
			return e, fmt.Errorf("prove: %w", err)
		}
	}
	return e, nil
}

// A trial is one proof under way.
type trial struct {
	Prover
	ctx      context.Context
	tc       *Toolchain
	start    *Tree // where the patch was written
	old, new *Tree // clean checkouts
	evidence *hotfix.Evidence
}

func (r *trial) say(format string, args ...any) {
	if r.Progress != nil {
		r.Progress(fmt.Sprintf(format, args...))
	}
}

func (r *trial) gap(rule, format string, args ...any) {
	r.evidence.Gaps = append(r.evidence.Gaps, hotfix.Reason{Rule: rule, Because: fmt.Sprintf(format, args...)})
}

func (r *trial) test(t *Tree, file string) (hotfix.TestRun, error) {
	return Test(r.ctx, r.Box, t, r.tc, file)
}

// added lists the test files that a patch adds or changes.
func added(p hotfix.Patch) []string {
	var files []string
	for _, f := range p.Files {
		if f.Test && !f.Deleted {
			files = append(files, f.Path)
		}
	}
	return files
}

// suites runs all tests twice on the untouched code, which must do the same both times, and once on the new code,
// where nothing that passed may fail.
func (r *trial) suites(hotfix.Patch) error {
	r.say("all tests, old code")
	base, err := r.test(r.old, "")
	if err != nil {
		return err
	}
	r.say("all tests, old code, once more")
	again, err := r.test(r.old, "")
	if err != nil {
		return err
	}
	r.say("all tests, new code")
	suite, err := r.test(r.new, "")
	if err != nil {
		return err
	}
	r.evidence.Base, r.evidence.Suite = &base, &suite
	r.evidence.Flaky = known(r.Flaky, base, again, suite)
	base, again, suite = steady(base, r.Flaky), steady(again, r.Flaky), steady(suite, r.Flaky)
	switch {
	case base.Cause != "":
		r.gap("environment-unusable", "The tests of the untouched code ended by %s, so no result here means anything.", base.Cause)
	case !same(base, again):
		r.gap("environment-unusable", "Two runs of the untouched code gave different results: %s.", difference(base, again))
	}
	if suite.Cause != "" {
		r.gap("suite-incomplete", "With the patch, the tests ended by %s.", suite.Cause)
	}
	if broken := broken(base, suite); len(broken) > 0 {
		r.gap("regression", "With the patch, what passed before fails: %s.", some(broken))
	} else if len(base.Tests) == 0 && base.Passed && !suite.Passed {
		r.gap("regression", "All tests passed before the patch; with it, they exit with status %d.", suite.Exit)
	}
	if len(base.Tests) > 0 {
		if gone := gone(base, suite); len(gone) > 0 {
			r.gap("tests-removed", "With the patch, tests that passed before are not run any more: %s.", some(gone))
		}
	}
	return nil
}

// added runs each test file that the patch adds or changes, on the old code and on the new.
func (r *trial) added(p hotfix.Patch) error {
	files := added(p)
	if len(files) == 0 {
		r.gap("no-test", "The patch adds or changes no test, so nothing shows that it repairs anything.")
		return nil
	}
	for _, f := range files {
		text, err := r.new.Read(f)
		if err != nil {
			return err
		}
		if err := r.old.Write(f, text); err != nil {
			return err
		}
	}
	gaps := len(r.evidence.Gaps)
	for _, f := range files {
		if err := r.file(f); err != nil {
			return err
		}
	}
	if len(r.evidence.Gaps) > gaps {
		return nil
	}
	return r.reason(files)
}

// file is added for one file: the old code with the new tests must fail, the new code must pass.
func (r *trial) file(name string) error {
	first := len(r.evidence.Before)
	for i := range times {
		r.say("%s, old code, run %d of %d", name, i+1, times)
		run, err := r.test(r.old, name)
		if err != nil {
			return err
		}
		r.evidence.Before = append(r.evidence.Before, run)
	}
	for i := range times {
		r.say("%s, new code, run %d of %d", name, i+1, times)
		run, err := r.test(r.new, name)
		if err != nil {
			return err
		}
		r.evidence.After = append(r.evidence.After, run)
	}
	before, after := r.evidence.Before[first:], r.evidence.After[len(r.evidence.After)-times:]
	for _, run := range before {
		switch {
		case run.Cause != "":
			r.gap("test-did-not-fail", "Without the patch, %s ended by %s rather than by failing.", name, run.Cause)
			return nil
		case run.Passed:
			r.gap("test-did-not-fail", "%s passes without the patch, so it does not show the fault; tests that only guard belong into a file with one that fails.", name)
			return nil
		}
	}
	for _, run := range after {
		if !run.Passed {
			r.gap("test-does-not-pass", "%s does not pass each time with the patch.", name)
			return nil
		}
	}
	shown := shown(before, after)
	if !began(before, after) && len(after[0].Tests) > 0 && !unloaded.MatchString(r.Reported.String()) {
		r.gap("test-not-loaded", "Without the patch, %s fails because it cannot be loaded, and that is not what was reported; test through what the old code has.", name)
	}
	r.evidence.Shown = append(r.evidence.Shown, shown...)
	return nil
}

// began reports whether in each run of before some test failed that passes in after: the tests were loaded. Which one it is may
// differ from run to run, as where a panic ends the program during the first of several tests side by side.
func began(before, after []hotfix.TestRun) bool {
	passes := statuses(after[0])
	return !slices.ContainsFunc(before, func(run hotfix.TestRun) bool {
		return !slices.ContainsFunc(run.Tests, func(one hotfix.TestResult) bool { return one.Status == "fail" && passes[one.Name] == "pass" })
	})
}

// unloaded is how runtimes say that code cannot be loaded or built.
var unloaded = regexp.MustCompile(`does not provide an export named|Cannot find (?:module|package)|ERR_MODULE_NOT_FOUND|ERR_UNSUPPORTED_DIR_IMPORT|ERR_REQUIRE_ESM|` +
	`SyntaxError: (?:Unexpected|Identifier|missing|Cannot use import|await is)|\[(?:build|setup) failed\]|error TS\d+|no required module provides|undefined: |cannot find package|ModuleNotFoundError|ImportError`)

// shown names the tests that fail in each run of before and pass in each run of after.
func shown(before, after []hotfix.TestRun) []string {
	var names []string
	first := statuses(after[0])
	for name := range first {
		every := func(runs []hotfix.TestRun, status string) bool {
			return !slices.ContainsFunc(runs, func(run hotfix.TestRun) bool { return statuses(run)[name] != status })
		}
		if every(before, "fail") && every(after, "pass") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
