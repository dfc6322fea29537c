package triage

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// protectedFiles refuses files that decide what is run, who may do what, or what a reviewer sees.
func protectedFiles(v vetting) string {
	return about(v, "It changes %s, which only people change: workflows, dependencies, credentials, settings of tools and of agents, and built output. Repair the code without it.",
		func(c changed) bool {
			return protected(c.OldName) || protected(c.NewName) || named(v.policy.Protected, c.OldName) || named(v.policy.Protected, c.NewName)
		})
}

// named reports whether one of patterns means the file: a directory that ends with a slash, a whole path, or a
// pattern of path.Match for the path or its last element. A pattern that cannot be read means every file.
func named(patterns []string, name string) bool {
	return name != "" && slices.ContainsFunc(patterns, func(p string) bool {
		whole, err := path.Match(p, name)
		last, _ := path.Match(p, path.Base(name))
		return err != nil || whole || last || strings.HasSuffix(p, "/") && strings.HasPrefix(name, p)
	})
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// protected reports whether a file is off limits.
func protected(name string) bool {
	if name == "" {
		return false
	}
	plain := strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(plain, "/") || path.Clean(plain) != plain {
		return true // leads out of the tree, or hides where it leads
	}
	for part := range strings.SplitSeq(plain, "/") {
		if strings.TrimRight(part, ". ") != part {
			return true
		}
	}
	return hotfix.Protected(plain) != nil
}

var testNames = regexp.MustCompile(`(?i)(?:^|/)(?:tests?|__tests__|__mocks__|__snapshots__|testdata|fixtures|e2e|spec)/|_test\.\w+$|[.-](?:test|spec)\.[cm]?[jt]sx?$|(?:^|/)test_[^/]*\.py$|\.snap$`)

// isTestFile reports whether a file looks like one that tests are made of.
func isTestFile(name string) bool { return testNames.MatchString(name) }

var proseNames = regexp.MustCompile(`(?i)\.(?:md|mdx|txt|rst|adoc)$|(?:^|/)(?:docs?|changelog|license)(?:/|$)`)

// prose reports whether a file is text for people.
func prose(name string) bool { return proseNames.MatchString(name) }
