package triage

import "github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"

// attemptUnderWay: one attempt at a time.
func attemptUnderWay(_ Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	if c.Running() == nil {
		return 0, ""
	}
	return hotfix.LowRisk, "An attempt at this problem is under way."
}
