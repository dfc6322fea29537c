package triage

import (
	"regexp"
	"strings"

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
	switch {
	case r == '\t' || r == '\n' || r == '\r' || r == '\f':
		return false
	case r < ' ', r >= 0x7f && r < 0xa0, r == 0xad, r == 0x61c, r == 0x180e, r == 0xfeff, r == 0xfffd:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return false
}
