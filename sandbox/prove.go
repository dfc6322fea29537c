package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// times is how often an added test must fail without the patch, and pass with it.
const times = 3

// A Prover gathers the evidence for a patch.
type Prover struct {
	Box      Box
	Progress func(string) // told what happens next; may be nil
}

// Prove gathers the evidence for p, the patch that t holds, with nobody watching.
func Prove(ctx context.Context, box Box, t *Tree, tc *Toolchain, p hotfix.Patch) (hotfix.Evidence, error) {
	return Prover{Box: box}.Prove(ctx, t, tc, p)
}

// Prove runs the added tests on the old code, where each must fail every time, and on the new code, where each must
// pass every time, then all tests on both. It never runs the tree that a model has worked in, only fresh checkouts
// of what would be published, and it trusts nothing that anyone ran before. What is missing from the proof is in
// Evidence.Gaps; an error means that the box failed.
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

	trial := &trial{Prover: v, ctx: ctx, tc: tc, old: oldTree, new: newTree, evidence: &e}
	if err := trial.suites(); err != nil {
		return e, fmt.Errorf("prove: %w", err)
	}
	if err := trial.added(p); err != nil {
		return e, fmt.Errorf("prove: %w", err)
	}
	return e, nil
}

// A trial is one proof under way.
type trial struct {
	Prover
	ctx      context.Context
	tc       *Toolchain
	old, new *Tree
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

// suites runs all tests twice on the untouched code, which must do the same both times, and once on the new code,
// where nothing that passed may fail.
func (r *trial) suites() error {
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
	var files []string
	for _, f := range p.Files {
		if f.Test && !f.Deleted {
			files = append(files, f.Path)
		}
	}
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
	for _, f := range files {
		if err := r.file(f); err != nil {
			return err
		}
	}
	return nil
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
			r.gap("test-did-not-fail", "%s passes without the patch, so it does not show the fault.", name)
			return nil
		}
	}
	for _, run := range after {
		if !run.Passed {
			r.gap("test-does-not-pass", "%s does not pass each time with the patch.", name)
			return nil
		}
	}
	return nil
}

// statuses returns the results of a run by name. A name that occurs more than once passes only if all of it passes.
func statuses(run hotfix.TestRun) map[string]string {
	m := map[string]string{}
	for _, t := range run.Tests {
		if m[t.Name] != "fail" {
			m[t.Name] = t.Status
		}
	}
	return m
}

// same reports whether two runs gave the same results.
func same(a, b hotfix.TestRun) bool {
	return a.Cause == b.Cause && a.Passed == b.Passed && len(differing(a, b)) == 0
}

// differing names the tests whose results are not the same in both runs.
func differing(a, b hotfix.TestRun) []string {
	x, y := statuses(a), statuses(b)
	var names []string
	for n := range x {
		if x[n] != y[n] {
			names = append(names, n)
		}
	}
	for n := range y {
		if _, ok := x[n]; !ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return names
}

func difference(a, b hotfix.TestRun) string {
	if names := differing(a, b); len(names) > 0 {
		return some(names)
	}
	return fmt.Sprintf("exit status %d, then %d", a.Exit, b.Exit)
}

// broken names the tests that pass in a and fail in b.
func broken(a, b hotfix.TestRun) []string {
	return which(a, b, func(status string, ran bool) bool { return status == "fail" })
}

// gone names the tests that pass in a and are not run in b.
func gone(a, b hotfix.TestRun) []string {
	return which(a, b, func(status string, ran bool) bool { return !ran || status == "skip" })
}

func which(a, b hotfix.TestRun, bad func(status string, ran bool) bool) []string {
	now := statuses(b)
	var names []string
	for name, status := range statuses(a) {
		got, ran := now[name]
		if status == "pass" && bad(got, ran) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// some lists names as far as a sentence bears.
func some(names []string) string {
	if len(names) > 5 {
		return strings.Join(names[:5], ", ") + fmt.Sprintf(" and %d more", len(names)-5)
	}
	return strings.Join(names, ", ")
}
