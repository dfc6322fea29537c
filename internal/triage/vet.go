package triage

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// maxPatch bounds a patch in bytes.
const maxPatch = 64 << 10

// A vetting is what Vet looks at.
type vetting struct {
	policy   Policy
	patch    hotfix.Patch
	files    []changed
	evidence hotfix.Evidence
}

// changed is one file of a diff.
type changed struct {
	*gitdiff.File
	test           bool
	added, removed []string // lines
}

// path is the file's name now, or its last one.
func (c changed) path() string {
	if c.NewName == "" {
		return c.OldName
	}
	return c.NewName
}

// vetters are all rules for a patch. Each returns sentences that also tell the model what to do instead.
func vetters() []struct {
	rule  string
	check func(vetting) string
} {
	return []struct {
		rule  string
		check func(vetting) string
	}{
		{"unproven", unproven},
		{"no-test", withoutTest},
		{"no-source", withoutSource},
		{"too-large", tooLarge},
		{"protected", protectedFiles},
		{"not-text", notText},
		{"test-removed", testRemoved},
		{"test-weakened", testWeakened},
		{"test-skipped", testSkipped},
		{"new-dependency", newDependency},
		{"guard", guardWeakened},
		{"secret", secretAdded},
		{"hidden-text", hiddenText},
	}
}

// Vet says why a patch may not be published; nil means that it may. Nobody can waive it.
func (p Policy) Vet(patch hotfix.Patch, e hotfix.Evidence) []hotfix.Reason {
	files, because := readDiff(patch)
	if because != "" {
		return []hotfix.Reason{{Rule: "unreadable", Because: because}}
	}
	v := vetting{policy: p, patch: patch, files: files, evidence: e}
	var reasons []hotfix.Reason
	for _, r := range vetters() {
		if because := r.check(v); because != "" {
			reasons = append(reasons, hotfix.Reason{Rule: r.rule, Because: because})
		}
	}
	return append(reasons, e.Gaps...)
}

// readDiff parses the diff. One that does not say the same as the list of files is not believed.
func readDiff(patch hotfix.Patch) ([]changed, string) {
	if len(patch.Files) == 0 || patch.Diff == "" {
		return nil, "The patch changes nothing."
	}
	parsed, _, err := gitdiff.Parse(strings.NewReader(patch.Diff))
	if err != nil {
		return nil, "The patch cannot be read as a diff."
	}
	listed := map[string]hotfix.FileChange{}
	for _, f := range patch.Files {
		if strings.ContainsFunc(f.Path, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\ufffd' }) {
			return nil, "The name of a changed file holds control characters."
		}
		listed[f.Path] = f
	}
	var files []changed
	for _, f := range parsed {
		c := changed{File: f}
		in, ok := listed[c.path()]
		if !ok {
			return nil, fmt.Sprintf("The diff changes %s, which is not on the list of changed files.", quoted(c.path()))
		}
		delete(listed, c.path())
		c.test = in.Test || isTestFile(c.path()) || f.OldName != "" && isTestFile(f.OldName)
		for _, fragment := range f.TextFragments {
			for _, l := range fragment.Lines {
				switch l.Op {
				case gitdiff.OpAdd:
					c.added = append(c.added, l.Line)
				case gitdiff.OpDelete:
					c.removed = append(c.removed, l.Line)
				}
			}
		}
		files = append(files, c)
	}
	if len(listed) > 0 {
		return nil, "The list of changed files names one that is not in the diff."
	}
	return files, ""
}

func unproven(v vetting) string {
	e := v.evidence
	failed := func(r hotfix.TestRun) bool { return !r.Passed && r.Cause == "" }
	switch {
	case e.Proves(), len(e.Gaps) > 0: // Vet names the gaps themselves
		return ""
	case len(e.Before) == 0:
		return "No added test was run on the old code; add one that fails there."
	case !allRuns(e.Before, failed):
		return "The added test does not fail on the old code, so it does not show the problem; make it fail there for the reported reason."
	case len(e.After) == 0 || !allRuns(e.After, func(r hotfix.TestRun) bool { return r.Passed }):
		return "The added test does not pass on the new code each time; repair the fix or the test."
	case e.Suite == nil:
		return "The project's tests were not run on the new code."
	}
	return "The proof is incomplete."
}

func allRuns(runs []hotfix.TestRun, ok func(hotfix.TestRun) bool) bool {
	return !slices.ContainsFunc(runs, func(r hotfix.TestRun) bool { return !ok(r) })
}

func withoutTest(v vetting) string {
	for _, c := range v.files {
		if c.test && !c.IsDelete && len(c.added) > 0 {
			return ""
		}
	}
	return "It adds no test; add one that fails without the fix."
}

func withoutSource(v vetting) string {
	for _, c := range v.files {
		if !c.test && !c.IsDelete && len(c.added)+len(c.removed) > 0 && !prose(c.path()) {
			return ""
		}
	}
	return "It changes no source file, only tests or texts; repair the code that fails."
}

func tooLarge(v vetting) string {
	lines := 0
	for _, c := range v.files {
		lines += len(c.added) + len(c.removed)
	}
	switch {
	case len(v.files) > v.policy.MaxFiles:
		return fmt.Sprintf("It changes %d files and %d is the limit; change less.", len(v.files), v.policy.MaxFiles)
	case lines > v.policy.MaxLines:
		return fmt.Sprintf("It changes %d lines and %d is the limit; change less.", lines, v.policy.MaxLines)
	case len(v.patch.Diff) > maxPatch:
		return fmt.Sprintf("The diff has %d bytes and %d is the limit; change less.", len(v.patch.Diff), maxPatch)
	}
	return ""
}

// Modes of git.
const (
	modeType       = 0o170000
	modeSymlink    = 0o120000
	modeSubmodule  = 0o160000
	modeExecutable = 0o111
)

func notText(v vetting) string {
	return about(v, "It contains what a reviewer cannot read: %s is binary, a link, a submodule or newly executable; take it out.", func(c changed) bool {
		link := func(mode os.FileMode) bool { return mode&modeType == modeSymlink || mode&modeType == modeSubmodule }
		return c.IsBinary || link(c.OldMode) || link(c.NewMode) || c.NewMode&modeExecutable != 0 && c.OldMode&modeExecutable == 0
	})
}

// about words a sentence around the names of the files that are bad, "" if none is.
func about(v vetting, sentence string, bad func(changed) bool) string {
	var names []string
	for _, c := range v.files {
		if bad(c) {
			names = append(names, quoted(c.path()))
		}
	}
	if len(names) == 0 {
		return ""
	}
	if more := len(names) - 5; more > 0 {
		names = append(names[:5], fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf(sentence, strings.Join(names, ", "))
}

// quoted is a file name as part of a sentence.
func quoted(name string) string {
	name = redact.Scrub(name).String()
	if len(name) > 120 {
		name = strings.ToValidUTF8(name[:120], "") + "…"
	}
	if strings.ContainsAny(name, " ,`\"'<>") {
		return strconv.Quote(name)
	}
	return name
}
