package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskAttempts: a fix after many failed ones is more likely one that only passes.
func riskAttempts(s Subject) (hotfix.Risk, string) {
	n := 0
	for _, a := range s.Case.Attempts {
		if a.Outcome.Ending == hotfix.NoFix || a.Outcome.Ending == hotfix.Refused || a.Outcome.Ending == hotfix.OverBudget {
			n++
		}
	}
	switch {
	case n == 0:
		return 0, ""
	case n == 1:
		return hotfix.LowRisk, "An earlier attempt failed."
	}
	return hotfix.MediumRisk, fmt.Sprintf("%d earlier attempts failed.", n)
}
