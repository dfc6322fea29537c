package triage

import (
	"regexp"
	"slices"
)

// guards are names of code that keeps strangers out.
var guards = regexp.MustCompile(`(?i)(?:verif|valid|check|assert)\w*(?:signature|hmac|webhook|token|jwt|permission|origin)|` +
	`(?:signature|hmac|jwt|webhook)\w*(?:verif|valid|check|match)|timingsafeequal|createhmac|hmac\.(?:new|equal)|subtle\.constanttimecompare|` +
	`\bauthenticat|\bauthori[sz]e|(?:has|check|require)_?permission|csrf|rejectunauthorized|insecureskipverify`)

// guardWeakened refuses to touch code that keeps strangers out: whether that may change is for a person to say. The
// heading of a hunk counts, since it names the function that the lines are in.
func guardWeakened(v vetting) string {
	return about(v, "It changes code that checks signatures, tokens or permissions, in %s; leave that as it is, and if it is at fault, give up and say so.", func(c changed) bool {
		if c.test {
			return false
		}
		for _, f := range c.TextFragments {
			if guards.MatchString(f.Comment) {
				return true
			}
		}
		return slices.ContainsFunc(append(slices.Clone(c.removed), c.added...), guards.MatchString)
	})
}
