package triage

import (
	"regexp"
	"strings"
)

// testRemoved refuses tests that are gone: deleted, or moved to where the runner does not look.
func testRemoved(v vetting) string {
	return about(v, "It removes a test: %s. Keep every existing test.", func(c changed) bool {
		return c.test && c.IsDelete || c.IsRename && isTestFile(c.OldName) && !isTestFile(c.NewName)
	})
}

var (
	assertion = regexp.MustCompile(`(?i)\b(?:assert\w*|expect\w*|require|should|verify|throws?|rejects)\b\s*[.(!]|\bt\.(?:Error|Fatal|Fail)\w*\(|\.(?:toBe|toEqual|toThrow|toMatch|toContain)\w*\(|\b(?:want|expected)\w*\s*:?=[^=]`)
	literal   = regexp.MustCompile(`["'\x60]|\b\d|\b(?:true|false|null|nil|undefined|None|True|False)\b`)
	imports   = regexp.MustCompile(`^\s*(?:import\b|from\b|\}\s*from\b|(?:const|var|let)\b.*=\s*require\(|(?:\w+\s+)?"[\w./@-]+"\s*$)`)
	golden    = regexp.MustCompile(`(?i)(?:^|/)(?:testdata|fixtures|__snapshots__)/|\.snap$|\.golden$`)
	testCase  = regexp.MustCompile(`\bfunc\s+(?:Test|Fuzz|Example)\w*\s*\(|\b(?:it|test|describe|suite)(?:\.\w+)*\s*\(|\bDeno\.test\s*\(|\bdef\s+test_`)
)

// testWeakened refuses changes to what existing tests expect: assertions, the values in tables, golden files. A line
// that only moved is not a change.
func testWeakened(v vetting) string {
	return about(v, "It removes or changes what an existing test expects, in %s. Leave existing expectations as they are and add new ones.", func(c changed) bool {
		if !c.test || c.IsNew || c.IsDelete {
			return false
		}
		for _, line := range gone(c) {
			if expects(c.path(), line) {
				return true
			}
		}
		return false
	})
}

// expects reports whether a line of a test says what must hold.
func expects(path, line string) bool {
	switch {
	case strings.TrimSpace(line) == "":
		return false
	case golden.MatchString(path):
		return true
	case comment(line) || imports.MatchString(line):
		return false
	}
	return assertion.MatchString(line) || testCase.MatchString(line) || literal.MatchString(line)
}

// gone are the removed lines that were not added again elsewhere in the file.
func gone(c changed) []string { return without(c.removed, c.added) }

// fresh are the added lines that were not there before.
func fresh(c changed) []string { return without(c.added, c.removed) }

func without(lines, others []string) []string {
	left := map[string]int{}
	for _, l := range others {
		left[strings.TrimSpace(l)]++
	}
	var out []string
	for _, l := range lines {
		if k := strings.TrimSpace(l); left[k] > 0 {
			left[k]--
			continue
		}
		out = append(out, l)
	}
	return out
}

func comment(line string) bool {
	line = strings.TrimSpace(line)
	return strings.HasPrefix(line, "//") || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "*")
}

// skips are ways to keep a test from running, or all others.
var skips = regexp.MustCompile(`\b(?:describe|context|it|test|suite|step|bench)(?:\.\w+)*\.(?:skip|only|todo|failing|fixme|fails|skipIf|runIf|ignore)\b|` +
	`\b(?:describe|it|test|suite)\s*\[|\.each\b.*\)\.(?:skip|only|todo)\b|\b[xf](?:it|describe|test|specify|context)\s*\(|\bDeno\.test\.(?:ignore|only)\b|` +
	`\bt\.(?:skip|todo)\s*\(|\b\w+\.(?:Skip|Skipf|SkipNow)\(|\bthis\.skip\(|\btesting\.Short\(\)|` +
	`\b(?:skip|only|ignore|todo)\s*:\s*(?:true|!0|["'\x60])|//go:build\b|^\s*// \+build\b|@(?:Ignore|Disabled|unittest\.skip)|\bpytest\.(?:mark\.(?:skip|xfail)|skip\()|#\[ignore|` +
	`\b(?:process\.exit|Deno\.exit|os\.Exit)\s*\(`)

// testSkipped refuses lines that keep tests from running.
func testSkipped(v vetting) string {
	return about(v, "It adds a line that skips tests or runs only some, in %s. Let every test run.", func(c changed) bool {
		if !c.test {
			return false
		}
		for _, line := range fresh(c) {
			if skips.MatchString(line) {
				return true
			}
		}
		return false
	})
}
