package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// dailyLimit: attempts cost money and reviewers' time.
func dailyLimit(p Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	switch {
	case p.MaxFixesPerDay <= 0:
		return hotfix.LowRisk, "No attempts at fixes are allowed a day."
	case p.FixesToday < p.MaxFixesPerDay:
		return 0, ""
	}
	return hotfix.LowRisk, fmt.Sprintf("A fix was attempted %s in %s in the last 24 hours, and %d is the limit.", times(p.FixesToday), c.Repo, p.MaxFixesPerDay)
}
