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

// version is part of every fingerprint. It changes when the rules change so much that the same failure gets another
// key; Aliases then also returns the key by the old rules.
const version = "v1"

// Fingerprint returns the key under which f's problem is known.
func Fingerprint(f hotfix.Failure) hotfix.Fingerprint {
	s := newShape(f)
	return s.key(identity(f.Plugin))
}

// identity names the plugin without a ref: its repository if that is known, else its id.
func identity(p hotfix.Plugin) string {
	if !p.Repo.IsZero() {
		return strings.ToLower(p.Repo.String())
	}
	return p.ID
}

// key hashes a shape.
func (s *shape) key(plugin string) hotfix.Fingerprint {
	status := s.status
	parts := []string{version, plugin, string(s.class), strconv.Itoa(status), strconv.FormatBool(s.wrapped), strings.ToLower(s.template), s.name,
		strings.ToLower(s.cause), strings.Join(s.codes, " "), s.host, s.route, s.test, s.file, s.frame.fn, baseName(s.frame.path), strings.ToLower(s.detail), s.event}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x1f")))
	return hotfix.Fingerprint(version + "-" + hex.EncodeToString(sum[:16]))
}
