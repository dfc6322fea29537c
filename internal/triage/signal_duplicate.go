package triage

import "github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"

// duplicate: this very occurrence was counted before.
func duplicate(_ Policy, _ hotfix.Case, change hotfix.Change) (hotfix.Risk, string) {
	if change != hotfix.Duplicate {
		return 0, ""
	}
	return hotfix.LowRisk, "This occurrence was already counted."
}
