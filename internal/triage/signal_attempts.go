package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// tooManyAttempts: what failed so often will fail again.
func tooManyAttempts(p Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	n := c.Tries()
	if n < p.MaxAttempts {
		return 0, ""
	}
	return hotfix.HighRisk, fmt.Sprintf("A fix was attempted %s and %d is the limit; a maintainer can ask for another.", times(n), p.MaxAttempts)
}
