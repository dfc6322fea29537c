package sandbox

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Flag is how a runner is told to run only tests of a name.
type Flag struct {
	After string                   // the part of the command that it follows
	Write func(name string) string // "" if the runner cannot look for such a name
}

// narrowed is the command args with the flag for name in it; nil if the runner has none for it.
func (f *Flag) narrowed(args []string, name string) []string {
	if f == nil {
		return nil
	}
	flag := f.Write(name)
	if flag == "" {
		return nil
	}
	if i := slices.Index(args, f.After); i >= 0 { // a command that no shell reads
		return slices.Insert(slices.Clone(args), i+1, flag)
	}
	out := slices.Clone(args)
	for i, a := range out {
		if before, after, ok := strings.Cut(a, f.After+" "); ok {
			out[i] = before + f.After + " " + quote([]string{flag}) + " " + after
			return out
		}
		if strings.HasSuffix(a, f.After) {
			out[i] = a + " " + quote([]string{flag})
			return out
		}
	}
	return nil
}

// TestNamed runs the tests of t whose names contain name: of one file, or of all if file is "". The runner is told the
// name where it has a way to; where that finds none, all are run and the others are left out of the result. If there
// is no such test, the result holds all that there are and found is false.
func TestNamed(ctx context.Context, box Box, t *Tree, tc *Toolchain, file, name string) (run hotfix.TestRun, found bool, err error) {
	if args := tc.Named.narrowed(tc.Test(file), name); args != nil {
		res, err := box.Run(ctx, t, Command{Args: args, Toolchain: tc, Timeout: tc.Timeout, Report: tc.Report})
		if err != nil {
			return hotfix.TestRun{}, false, fmt.Errorf("run tests: %w", err)
		}
		if run, _ = only(tc.read(args, res), name); slices.ContainsFunc(run.Tests, wasRun) {
			return run, true, nil
		}
	}
	all, err := Test(ctx, box, t, tc, file)
	if err != nil {
		return all, false, err
	}
	run, found = only(all, name)
	return run, found, nil
}

// wasRun reports whether a test was run at all: runners list those that a name leaves out as skipped.
func wasRun(t hotfix.TestResult) bool { return t.Status != "skip" }

// only narrows a run down to the tests whose names contain name. The verdict is then theirs alone. A run without such
// tests stays as it is.
func only(run hotfix.TestRun, name string) (hotfix.TestRun, bool) {
	var kept []hotfix.TestResult
	failed := false
	for _, t := range run.Tests {
		if strings.Contains(t.Name, name) {
			kept = append(kept, t)
			failed = failed || t.Status == "fail"
		}
	}
	if kept == nil {
		return run, false
	}
	run.Tests, run.Passed = kept, run.Cause == "" && !failed
	return run, true
}

// leaf is a test's own name: results put the file, or the suites around it, in front.
func leaf(name string) string {
	if i := strings.LastIndex(name, " > "); i >= 0 {
		return name[i+len(" > "):]
	}
	return name
}

// matching is a flag whose value is a regular expression that a test's name matches.
func matching(flag string) func(string) string {
	return func(name string) string { return flag + regexp.QuoteMeta(leaf(name)) }
}

// holding is a flag whose value is a text that a test's name holds.
func holding(flag string) func(string) string {
	return func(name string) string { return flag + leaf(name) }
}

var (
	identifier = regexp.MustCompile(`^\w+$`)
	goTestOf   = regexp.MustCompile(`^(?:\S*\.)?((?:Test|Fuzz|Example)\w*(?:/.+)?)$`) // behind its package
)

// runGo is the flag for go test. A subtest alone cannot be looked for.
func runGo(name string) string {
	if m := goTestOf.FindStringSubmatch(name); m != nil {
		name = m[1]
	} else if !identifier.MatchString(name) {
		return ""
	}
	return "-run=" + regexp.QuoteMeta(name)
}

// runPytest is the flag for pytest, which takes an expression of words.
func runPytest(name string) string {
	if name = leaf(name); !identifier.MatchString(name) {
		return ""
	}
	return "-k=" + name
}
