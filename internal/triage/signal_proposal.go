package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// proposalOpen: a draft waits for review; a second one would only divide the reviewers.
func proposalOpen(_ Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	if c.State != hotfix.Fixing {
		return 0, ""
	}
	return hotfix.LowRisk, fmt.Sprintf("The fix proposed in #%d waits for review; close it to have another attempt made.", c.PR())
}
