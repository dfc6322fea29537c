package evals

import (
	"crypto/sha256"
	"fmt"
)

// prototypeIssues is how many issues the issue-only JavaScript prototype would have opened for what it heard. It knows
// a problem by the hash of plugin id, category and message, taken as they are. Its window of a day, and that its
// look-up of earlier issues could not work, are left out in its favour.
func prototypeIssues(all []heard) int {
	keys := map[string]bool{}
	for _, h := range all {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s|%s|%s", h.plugin, h.category, h.message))
		keys[string(sum[:])] = true
	}
	return len(keys)
}
