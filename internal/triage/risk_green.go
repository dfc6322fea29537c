package triage

import (
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskGreen: without a commit at which the added tests pass it is not known that this ever worked.
func riskGreen(s Subject) (hotfix.Risk, string) {
	o := s.Evidence.Origin
	if o == nil || o.Commit != "" {
		return 0, ""
	}
	return hotfix.LowRisk, "No earlier commit is known at which this worked."
}
