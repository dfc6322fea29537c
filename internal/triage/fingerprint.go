// Package triage says which failures are one problem, what kind of problem it is, and how far the daemon may go
// with it. Everything here is a pure function.
package triage

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A ruleset is the rules by which a failure gets its key; their name begins every fingerprint. Whatever gives a failure another key
// needs new ones, as TestFingerprint_ofItsVersion says; Aliases then still knows the key by the rules before.
type ruleset string

const (
	rules1  ruleset = "v1"
	version ruleset = "v2" // ids are no words of a thin message, runs are known by their logs, pairs of branches are values
)

// Fingerprint returns the key under which f's problem is known.
func Fingerprint(f hotfix.Failure) hotfix.Fingerprint {
	s := newShape(f)
	return s.key(identity(f.Plugin), version)
}

// identity names the plugin without a ref: its repository if that is known, else its id.
func identity(p hotfix.Plugin) string {
	if !p.Repo.IsZero() {
		return strings.ToLower(p.Repo.String())
	}
	return p.ID
}

// key hashes a shape.
func (s *shape) key(plugin string, by ruleset) hotfix.Fingerprint {
	parts := []string{string(by), plugin, string(s.class), strconv.Itoa(s.status), strconv.FormatBool(s.wrapped), strings.ToLower(s.template), s.name,
		strings.ToLower(s.cause), strings.Join(s.codes, " "), s.host, s.route, s.test, s.file, s.frame.fn, baseName(s.frame.path), strings.ToLower(s.detail), s.event}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x1f")))
	return hotfix.Fingerprint(string(by) + "-" + hex.EncodeToString(sum[:16]))
}
