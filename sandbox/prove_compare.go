package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

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

// known lists the names that occur in one of the runs.
func known(names []string, runs ...hotfix.TestRun) []string {
	var out []string
	for _, n := range names {
		for _, run := range runs {
			if _, ok := statuses(run)[n]; ok {
				out = append(out, n)
				break
			}
		}
	}
	return out
}

// steady is a run without the tests that are known to differ from run to run. It passes if nothing else failed.
func steady(run hotfix.TestRun, flaky []string) hotfix.TestRun {
	if len(flaky) == 0 {
		return run
	}
	var kept []hotfix.TestResult
	fails, dropped := false, false
	for _, t := range run.Tests {
		if slices.Contains(flaky, t.Name) {
			dropped = dropped || t.Status == "fail"
			continue
		}
		fails = fails || t.Status == "fail"
		kept = append(kept, t)
	}
	run.Tests = kept
	if dropped && !fails && run.Cause == "" {
		run.Passed, run.Exit = true, 0
	}
	return run
}
