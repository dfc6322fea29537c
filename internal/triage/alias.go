package triage

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Aliases returns other keys under which f's problem may be known: the key of the message alone when f has a stack,
// the key of the message's beginning when the end may be missing, the keys of older rules. They only serve to find
// a case that exists; a case is always opened under Fingerprint.
func Aliases(f hotfix.Failure) []hotfix.Fingerprint {
	s := newShape(f)
	plugin := identity(f.Plugin)
	own := s.key(plugin)
	var out []hotfix.Fingerprint
	add := func(fp hotfix.Fingerprint) {
		if fp != own && !slices.Contains(out, fp) {
			out = append(out, fp)
		}
	}
	if s.frame.path != "" && !vague(s.template) {
		bare := s
		bare.frame = traced{}
		add(bare.key(plugin))
	}
	if len(s.template) > limitLate/2 && s.detail == "" {
		short := s
		short.template = prefixOf(s.template, limitLate, true)
		add(short.key(plugin))
		short.frame = traced{}
		add(short.key(plugin))
	}
	if !f.Plugin.Repo.IsZero() && f.Plugin.ID != "" { // before the repository was known
		add(s.key(f.Plugin.ID))
	}
	for _, id := range [...]string{f.Plugin.ID, f.Plugin.ID + "@" + f.Plugin.Ref} {
		add(prototypeKey(id, f))
	}
	return out
}

// prototypeKey is the key that the first version of this daemon, a script, wrote into its issues: the exact message
// under a plugin id that could hold the ref.
func prototypeKey(id string, f hotfix.Failure) hotfix.Fingerprint {
	sum := sha256.Sum256([]byte(id + "|" + f.Category + "|" + f.Message.String()))
	return hotfix.Fingerprint(hex.EncodeToString(sum[:]))
}
