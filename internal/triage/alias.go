package triage

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Aliases returns other keys under which exactly f's problem may be known: the key by the rules before, the key from before
// the plugin's repository was known, those of the prototype. They only serve to find a case that exists; a case is always opened
// under Fingerprint.
//
// A case that stood for every failure of a workflow, as those of failed runs did by the first rules, has no alias: it would
// hide one bug in another's issue.
func Aliases(f hotfix.Failure) []hotfix.Fingerprint {
	var out []hotfix.Fingerprint
	own := Fingerprint(f)
	add := func(fp hotfix.Fingerprint) {
		if fp != own && !slices.Contains(out, fp) {
			out = append(out, fp)
		}
	}
	ids := []string{identity(f.Plugin)}
	if !f.Plugin.Repo.IsZero() && f.Plugin.ID != "" {
		ids = append(ids, f.Plugin.ID)
	}
	now, before := newShape(f), shapeBy(f, rules1)
	for _, id := range ids {
		add(now.key(id, version))
		if now.detail == "" || before.detail != "" {
			add(before.key(id, rules1))
		}
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
