package triage

import (
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskRare: what was seen once may have been chance.
func riskRare(s Subject) (hotfix.Risk, string) {
	if s.Case.Count != 1 {
		return 0, ""
	}
	return hotfix.LowRisk, "The failure was seen once, so whether it is gone will show late."
}
