package tools

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

var (
	testCases  = regexp.MustCompile(`(?m)^\s*(?:func\s+(?:Test|Fuzz|Example)\w*\s*\(|(?:it|test)(?:\.each\b.*|\.only|\.concurrent)?\s*\(|Deno\.test\s*\(|t\.Run\s*\(|await t\.test\s*\(|(?:async )?def test\w*\s*\()`)
	assertions = regexp.MustCompile(`\b(?:expect|assert|require)\b[.\w]*\s*\(|\bt\.(?:Fatal|Error)f?\(`)
	skips      = regexp.MustCompile(`\b(?:it|test|describe|suite)\.(?:skip|todo|only|failing|fixme)\b|\bx(?:it|describe|test)\s*\(|\bt\.Skip(?:Now|f)?\(|\bskip:\s*(?:true|["'])|//go:build\s+ignore|\bDeno\.test\.ignore\b`)
)

// keepsTests refuses to delete or weaken tests that were there before this attempt.
func (b *Bench) keepsTests(t *sandbox.Tree, name string, c *change, next *string) error {
	tc := t.Toolchain()
	was := c.was
	if before, ok := b.base[name]; ok {
		was = before
	}
	if tc == nil || !tc.IsTest(name) || was == nil {
		return nil
	}
	switch {
	case next == nil:
		return mistakef("%s holds tests of the project and may not be deleted: make the code pass them", name)
	case count(skips, *next) > count(skips, *was):
		return mistakef("%s would skip tests or leave others out: make the code pass them", name)
	case count(testCases, *next) < count(testCases, *was):
		return mistakef("%s would lose tests (%d, now %d): add to it, remove nothing", name, count(testCases, *was), count(testCases, *next))
	case count(assertions, *next) < count(assertions, *was):
		return mistakef("%s would lose assertions (%d, now %d): add to it, remove nothing", name, count(assertions, *was), count(assertions, *next))
	}
	return nil
}

func count(re *regexp.Regexp, s string) int { return len(re.FindAllStringIndex(s, -1)) }
