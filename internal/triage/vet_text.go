package triage

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

var remoteImport = regexp.MustCompile(`(?:\bfrom|\bimport|\brequire|\bimportScripts)\s*\(?\s*["'\x60](?:https?:|npm:|jsr:|data:|git\+|github:)`)

// newDependency refuses code that is fetched when it runs. Manifests and lock files are protected already.
func newDependency(v vetting) string {
	return about(v, "It imports code from the network, in %s. Use what the project already has.", func(c changed) bool {
		for _, line := range fresh(c) {
			if remoteImport.MatchString(line) {
				return true
			}
		}
		return false
	})
}

// secretAdded refuses anything that looks like a credential, also a made-up one: nobody can tell the two apart.
func secretAdded(v vetting) string {
	return about(v, "It adds what looks like a credential, in %s. Take it out; a test can put one together at run time.", func(c changed) bool {
		text := strings.Join(fresh(c), "")
		return redact.Scrub(text).String() != text || redact.Scrub(c.NewName).String() != c.NewName
	})
}

// hiddenText refuses characters that make a reviewer see something else than a machine does.
func hiddenText(v vetting) string {
	return about(v, "It adds invisible characters or ones that reverse text, in %s. Write them as escapes.", func(c changed) bool {
		return strings.ContainsFunc(c.NewName+strings.Join(c.added, ""), hiddenRune)
	})
}

func hiddenRune(r rune) bool {
	return r != '\r' && r != '\f' && redact.Hidden(r) || r == unicode.ReplacementChar
}
