package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskUncovered: lines that no added test runs were not proven.
func riskUncovered(s Subject) (hotfix.Risk, string) {
	l := s.Evidence.Lines
	if l == nil || l.Lines == 0 || l.Run == l.Lines {
		return 0, ""
	}
	says := fmt.Sprintf("The added test runs %d of the %d lines that the fix adds.", l.Run, l.Lines)
	if l.Run*4 >= l.Lines*3 {
		return hotfix.LowRisk, says
	}
	if l.Run*2 >= l.Lines {
		return hotfix.MediumRisk, says
	}
	return hotfix.HighRisk, says
}
