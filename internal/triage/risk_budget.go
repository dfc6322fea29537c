package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskBudget: who needs all of the budget was searching.
func riskBudget(s Subject) (hotfix.Risk, string) {
	if s.Spent < 0.8 {
		return 0, ""
	}
	return hotfix.LowRisk, fmt.Sprintf("%.0f%% of the attempt's budget was needed.", min(s.Spent, 1)*100)
}
